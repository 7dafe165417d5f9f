// What libFuzzer calls. RAFTKIT_FUZZ_TARGET names the target that this program is for.
#include "fuzz.hpp"

#include <cstddef>
#include <cstdint>

extern const fuzz::target RAFTKIT_FUZZ_TARGET;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    RAFTKIT_FUZZ_TARGET.run({reinterpret_cast<const std::byte*>(data), size});
    return 0;
}

// One mutation in eight keeps its wrong checksums: to refuse them is a property as well.
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t max, unsigned seed) {
    const std::size_t made = LLVMFuzzerMutate(data, size, max);
    if (RAFTKIT_FUZZ_TARGET.reseal != nullptr && seed % 8 != 0) {
        RAFTKIT_FUZZ_TARGET.reseal({reinterpret_cast<std::byte*>(data), made});
    }
    return made;
}
