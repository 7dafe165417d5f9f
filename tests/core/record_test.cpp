#include <raftkit/core/run.hpp>

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace raftkit;

namespace {

std::vector<std::byte> encoded(std::string_view body, i64 unix_ns = 0) {
    block_pool pool;
    run_builder builder(pool);
    const run_view made = builder.append({{7}, {3}}, entry_kind::command, as_bytes(body), unix_ns);
    return {made.span().begin(), made.span().end()};
}

}  // namespace

TEST_CASE("a record holds its command, padded to 8, and its time when it is stamped") {
    for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 128u}) {
        const std::string body(size, 'x');
        const std::vector<std::byte> plain = encoded(body), timed = encoded(body, 42);
        CHECK(plain.size() == 32 + round_up(size, 8));
        CHECK(timed.size() == 32 + round_up(size + 8, 8));
        CHECK(as_text(view_record(plain.data()).body) == body);
        CHECK(as_text(view_record(timed.data()).body) == body);
        CHECK(view_record(timed.data()).unix_ns == 42);
        CHECK(view_record(plain.data()).at == log_id{{7}, {3}});
    }
}

TEST_CASE("a flip of any bit of a record is noticed") {  // scenario I120
    const std::vector<std::byte> good = encoded("hello, world");
    REQUIRE(check_record(good) == record_check::good);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::vector<std::byte> hurt = good;
        hurt[bit / 8] ^= static_cast<std::byte>(1u << bit % 8);
        CHECK(check_record(hurt) != record_check::good);
    }
    for (std::size_t cut = 0; cut < good.size(); ++cut) {
        CHECK(check_record(byte_span(good).first(cut)) != record_check::good);
    }
}

TEST_CASE("an unknown flag is of a newer version, not damage") {
    std::vector<std::byte> record = encoded("x");
    seal_record(record.data(), {{7}, {3}}, 0, 2, 1);
    CHECK(check_record(record) == record_check::incompatible);
}

TEST_CASE("a run is believed only if it is what it says") {  // known bug 20
    block_pool pool;
    run_builder builder(pool);
    run_view whole = builder.append({{5}, {2}}, entry_kind::command, as_bytes("a"), 0);
    for (u64 index = 6; index < 9; ++index) {
        const run_view next = builder.append({{index}, {2}}, entry_kind::barrier, {}, 0);
        whole.bytes += next.bytes;
        whole.count += 1;
    }
    CHECK(check_run(whole.span(), {5}, {2}, 4).sound);
    CHECK_FALSE(check_run(whole.span(), {5}, {2}, 4).has_members);
    CHECK_FALSE(check_run(whole.span(), {5}, {2}, 3).sound);  // bytes left over
    CHECK_FALSE(check_run(whole.span(), {5}, {2}, 5).sound);
    CHECK_FALSE(check_run(whole.span(), {4}, {2}, 4).sound);
    CHECK_FALSE(check_run(whole.span(), {5}, {3}, 4).sound);
    const run_view middle = whole.slice({6}, {7});
    CHECK(middle.count == 2);
    CHECK(check_run(middle.span(), {6}, {2}, 2).sound);
}
