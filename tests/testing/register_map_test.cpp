#include <doctest/doctest.h>

#include <array>
#include <raftkit/testing/machine/register_map.hpp>

using namespace raftkit;
using namespace raftkit::testing;

namespace {

void apply(register_map& machine, u64 index, const std::vector<std::byte>& body) {
    reply_sink replies;
    machine.apply({{{index}, {1}}, byte_span(body), 0}, replies);
    CHECK(load_le<u64>(replies.reply_of({index}).data()) == index);
}

}  // namespace

TEST_CASE("registers are set and added to, and what does not parse changes only the chain") {
    register_map machine;
    apply(machine, 1, register_command(register_op::set, 7, 40));
    apply(machine, 2, register_command(register_op::add, 7, 2, 100));
    const u64 before = machine.digest();
    apply(machine, 3, {std::byte{9}});
    CHECK(machine.state().values == std::map<u32, u64>{{7, 42}});
    CHECK(machine.digest() != before);
}

TEST_CASE("equal registers by another history give another digest") {
    register_map once, twice;
    apply(once, 1, register_command(register_op::set, 1, 2));
    apply(twice, 1, register_command(register_op::set, 1, 1));
    apply(twice, 2, register_command(register_op::set, 1, 2));
    CHECK(once.state().values == twice.state().values);
    CHECK(once.digest() != twice.digest());
}

TEST_CASE("an image restores the same state in chunks of any size, and only at commit") {
    register_map machine;
    for (u32 key = 0; key < 50; ++key)
        apply(machine, key + 1, register_command(register_op::set, key, key));
    for (const std::size_t chunk_bytes : {std::size_t{1}, std::size_t{33}, std::size_t{4096}}) {
        register_map other;
        auto image = machine.capture();
        auto writer = other.restore({});
        REQUIRE(bool(image));
        REQUIRE(bool(writer));
        u64 offset = 0;
        for (bool end = false; !end;) {
            std::vector<std::byte> space(chunk_bytes);
            const result<image_step> step = (*image).next(space);
            REQUIRE(bool(step));
            chunk part{0, offset, buffer::copy_of(byte_span(space).first(step->bytes)), step->end,
                       step->end};
            REQUIRE(bool((*writer).write(part)));
            offset += step->bytes;
            end = step->end;
        }
        CHECK(other.state().values.empty());
        (*writer).commit();
        CHECK(other.digest() == machine.digest());
    }
}

TEST_CASE("a damaged image is an error, not a state") {
    register_map machine;
    auto writer = machine.restore({});
    REQUIRE(bool(writer));
    chunk part{0, 0, buffer::copy_of(as_bytes("too short")), true, true};
    CHECK((*writer).write(part).why().code == errc::corrupt);
}
