#include <raftkit/base/buffer.hpp>

#include <doctest/doctest.h>

using namespace raftkit;

TEST_CASE("a copy holds the same bytes in memory of its own") {
    const std::string_view text = "forty-two bytes, more or less";
    const buffer copy = buffer::copy_of(as_bytes(text));
    REQUIRE(copy.valid());
    CHECK(as_text(copy.bytes()) == text);
    CHECK(copy.bytes().data() != as_bytes(text).data());
}

TEST_CASE("headroom stays free in front of the bytes") {
    buffer made = buffer::allocate(100, 32);
    CHECK(made.headroom() == 32);
    CHECK(made.size() == 100);
    CHECK(made.data() == made.owner()->bytes() + 32);
    made.shrink(60);
    CHECK(made.size() == 60);
}

TEST_CASE("sharing and slicing take references; the last holder frees") {
    buffer whole = buffer::copy_of(as_bytes("0123456789"));
    block* owner = whole.owner();
    buffer part = whole.slice(2, 5);
    buffer same = whole.share();
    CHECK(owner->refs.load() == 3);
    CHECK(as_text(part.bytes()) == "23456");
    whole.reset();
    same = std::move(part);
    CHECK(owner->refs.load() == 1);
    CHECK(as_text(same.bytes()) == "23456");
    CHECK_FALSE(part.valid());
}

TEST_CASE("a moved-from buffer is empty and may be assigned again") {
    buffer first = buffer::copy_of(as_bytes("one"));
    buffer second(std::move(first));
    CHECK_FALSE(first.valid());
    CHECK(first.empty());
    first = buffer::copy_of(as_bytes("two"));
    CHECK(as_text(first.bytes()) == "two");
    CHECK(as_text(second.bytes()) == "one");
}

TEST_CASE("release hands the reference over") {
    buffer held = buffer::copy_of(as_bytes("x"));
    block* owner = held.release();
    CHECK_FALSE(held.valid());
    CHECK(owner->refs.load() == 1);
    release_block(owner);
}

TEST_CASE("keeping a view shares its block, or copies when nobody owns the bytes") {
    const buffer held = buffer::copy_of(as_bytes("owned"));
    const buffer kept = bytes_view::of(held).keep();
    CHECK(kept.owner() == held.owner());
    CHECK(held.owner()->refs.load() == 2);

    char local[] = "local";
    const buffer copied = bytes_view::of(as_bytes({local, 5})).keep();
    local[0] = 'X';
    CHECK(as_text(copied.bytes()) == "local");
}
