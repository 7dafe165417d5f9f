// Machines on plain values, as the node sees them.

#include <doctest/doctest.h>

#include <raftkit/node/simple_machine.hpp>

#include <map>

using namespace raftkit;

namespace {

struct words {
    std::string all;
    std::string apply(std::string_view word) { return all += word; }
    std::string snapshot() const { return all; }
    void restore(std::string&& copy) { all = std::move(copy); }
};

struct counters {
    std::map<char, u64> counts;
    u64 apply(std::string_view which) { return which.empty() ? 0 : ++counts[which[0]]; }
    std::map<char, u64> snapshot() const { return counts; }
    void restore(std::map<char, u64>&& copy) { counts = std::move(copy); }
    static result<void> write(const std::map<char, u64>& copy, byte_sink& sink) {
        if (copy.count('!') != 0) return error{errc::io, 0, "counters"};
        for (const auto& [name, count] : copy) {
            sink.write(std::string_view(&name, 1));
            sink.write(std::as_bytes(std::span(&count, 1)));
        }
        return {};
    }
    static result<std::map<char, u64>> read(byte_source& source) {
        std::map<char, u64> made;
        while (source.left() != 0) {
            const byte_span name = source.read(1), count = source.read(8);
            if (count.size() != 8) return error{errc::corrupt, 0, "counters"};
            made[static_cast<char>(name[0])] = load_le<u64>(count.data());
        }
        return made;
    }
};
struct silent {
    void apply(std::string_view) {}
    std::string snapshot() const { return {}; }
    void restore(std::string&&) {}
};
static_assert(simple_machine<words> && simple_machine<counters> && simple_machine<silent>);
static_assert(!simple_machine<int> && !state_machine<words>);
static_assert(state_machine<simple_adapter<words>> && state_machine<simple_adapter<counters>>);

template <class Machine>
std::string ask(simple_adapter<Machine>& machine, u64 index, std::string_view text) {
    reply_sink replies;
    machine.apply({{{index}, {1}}, as_bytes(text)}, replies);
    return std::string(as_text(replies.reply_of({index})));
}
// Through chunks of `bytes`, as a store would hand them on.
template <class Machine>
error copy(simple_adapter<Machine>& from, simple_adapter<Machine>& to, u32 bytes) {
    auto image = from.capture();
    auto writer = to.restore({});
    u64 offset = 0;
    for (;;) {
        buffer piece = buffer::allocate(bytes);
        const auto step = image->next({piece.data(), bytes});
        if (!step) return step.why();
        piece.shrink(step->bytes);
        const chunk part{0, offset, std::move(piece), step->end_of_section, step->end};
        offset += step->bytes;
        if (const auto done = writer->write(part); !done) return done.why();
        if (step->end) break;
    }
    writer->commit();
    return {};
}

}  // namespace

TEST_CASE("replies are text, the bytes of a value, or nothing") {
    simple_adapter<words> text;
    CHECK(ask(text, 1, "a") == "a");
    CHECK(ask(text, 2, "b") == "ab");
    simple_adapter<counters> numbers;
    (void)ask(numbers, 1, "x");
    const std::string reply = ask(numbers, 2, "x");
    REQUIRE(reply.size() == 8);
    CHECK(load_le<u64>(as_bytes(reply).data()) == 2);
    simple_adapter<silent> nothing;
    CHECK(ask(nothing, 1, "x") == "");
}

TEST_CASE("a snapshot restores the same state, however it is cut") {
    for (const u32 bytes : {1u, 7u, 4096u}) {
        simple_adapter<words> from{words{"hello world"}}, to;
        CHECK(copy(from, to, bytes).code == errc::ok);
        CHECK(to.machine().all == "hello world");
        simple_adapter<counters> some{counters{{{'a', 1}, {'b', 1u << 20}}}}, other;
        CHECK(copy(some, other, bytes).code == errc::ok);
        CHECK(other.machine().counts == some.machine().counts);
    }
    simple_adapter<words> empty, to{words{"old"}};
    CHECK(copy(empty, to, 16).code == errc::ok);
    CHECK(to.machine().all == "");
}

TEST_CASE("an image does not change after its capture, and a failed one leaves the machine alone") {
    simple_adapter<words> from{words{"before"}}, to;
    auto image = from.capture();
    (void)ask(from, 1, "+after");
    std::byte room[64];
    const auto step = image->next(room);
    REQUIRE(step);
    CHECK(as_text(byte_span(room).first(step->bytes)) == "before");

    simple_adapter<counters> bad{counters{{{'!', 1}}}}, kept{counters{{{'k', 9}}}};
    CHECK(copy(bad, kept, 16).code == errc::io);
    CHECK(kept.machine().counts.at('k') == 9);
}
