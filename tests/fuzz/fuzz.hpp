#pragma once
// What the fuzz targets have in common. A target is a property over any bytes, a function that
// makes its checksums right again (a mutation would otherwise never get behind them), and the
// inputs that the kit's own encoders make. libFuzzer drives it (entry.cpp), and so does a plain
// test over the stored corpus (replay_test.cpp).

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <raftkit/base/bytes.hpp>

namespace fuzz {

using raftkit::byte_span;
using raftkit::mutable_byte_span;
using raftkit::u16;
using raftkit::u32;
using raftkit::u64;
using raftkit::u8;
using bytes = std::vector<std::byte>;

struct seed {
    std::string name;
    bytes input;
};

struct target {
    const char* name;
    // Aborts when a property is broken.
    void (*run)(byte_span input);
    // Null where nothing is summed.
    void (*reseal)(mutable_byte_span input);
    std::vector<seed> (*seeds)();
};

[[noreturn, gnu::cold, gnu::noinline]] inline void broken(const char* property, const char* file,
                                                          int line) {
    std::fprintf(stderr, "fuzz: property broken: %s (%s:%d)\n", property, file, line);
    std::abort();
}

// Input in memory of just its size, so that a sanitizer sees the first byte read behind it.
class exact_copy {
public:
    explicit exact_copy(byte_span from)
        : size_(from.size()), at_(static_cast<std::byte*>(std::malloc(size_ != 0 ? size_ : 1))) {
        if (size_ != 0) std::memcpy(at_, from.data(), size_);
    }
    exact_copy(exact_copy&&) = delete;
    ~exact_copy() { std::free(at_); }

    byte_span bytes() const { return {at_, size_}; }
    std::string_view text() const { return raftkit::as_text(bytes()); }

private:
    std::size_t size_;
    std::byte* at_;
};

inline bool same(byte_span a, byte_span b) {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
inline bytes bytes_of(std::string_view text) {
    const byte_span view = raftkit::as_bytes(text);
    return {view.begin(), view.end()};
}
inline void append(bytes& into, byte_span more) {
    // One by one: g++ 12 takes the range for more than is there.
    for (const std::byte each : more) into.push_back(each);
}

}  // namespace fuzz

#define FUZZ_PROPERTY(fact) \
    (static_cast<bool>(fact) ? void(0) : ::fuzz::broken(#fact, __FILE__, __LINE__))
