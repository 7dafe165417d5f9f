// The machine queue alone: one order for everything that touches the machine.

#include <doctest/doctest.h>

#include <raftkit/node/applier.hpp>

#include <string>
#include <vector>

using namespace raftkit;

namespace {

std::string story;  // what happened, in order
instant fake_now{};

struct teller {
    struct image {
        result<image_step> next(std::span<std::byte>) { return image_step{0, true, true}; }
    };
    struct writer {
        result<void> write(const chunk&) { return {}; }
        void commit() noexcept { story += "commit "; }
    };
    result<void> apply(const command& asked, reply_sink& replies) noexcept {
        if (as_text(asked.body) == "bad") return error{errc::io, 0, "teller"};
        story += std::string(as_text(asked.body)) + " ";
        replies.reply(asked.at.index, as_bytes("re:" + std::string(as_text(asked.body))));
        fake_now = fake_now + milliseconds(1);
        return {};
    }
    void on_membership(log_id at, const configuration& now) {
        story += "members" + std::to_string(now.members.size()) + "@" +
                 std::to_string(at.index.value) + " ";
    }
    result<image> capture() {
        story += "capture ";
        return image{};
    }
    result<writer> restore(const snapshot_meta&) {
        story += "restore ";
        return writer{};
    }
};

struct teller_in_place : teller {
    static constexpr bool restores_in_place = true;
};

struct named : operation {
    explicit named(std::string who) : operation(&named::end), name(std::move(who)) {}
    static void end(operation& self, error why, byte_span reply) noexcept {
        named& mine = static_cast<named&>(self);
        ++mine.ends;
        mine.how = why;
        story += mine.name + "=" + (why ? name_of(why.code) : std::string(as_text(reply))) + " ";
    }
    std::string name;
    error how;
    int ends = 0;
};

struct log_of {
    block_pool pool;
    run_builder builder{pool};
    std::vector<run> kept;
    u64 next = 1;

    run_view add(entry_kind kind, byte_span body) {
        const run_view one = builder.append({{next++}, {1}}, kind, body, 0);
        kept.emplace_back(one);
        return one;
    }
    run_view command(std::string_view text) { return add(entry_kind::command, as_bytes(text)); }
    // Two records of one run.
    run_view both(run_view first, const run_view& second) {
        first.bytes += second.bytes;
        first.count += second.count;
        return first;
    }
};

struct bench {
    bench() {
        story.clear();
        fake_now = instant{seconds(1).ns};
    }
    void step() { CHECK_FALSE(queue.step(nullptr, {})); }
    teller machine;
    applier<teller> queue{machine};
    log_of log;
};

}  // namespace

TEST_CASE("replies reach the operations that travel with their entries") {
    bench b;
    named first("A"), second("B");
    run_view entries = b.log.command("a");
    entries = b.log.both(entries, b.log.command("b"));
    operation** travels = b.queue.range(entries, true);
    travels[0] = &first;
    travels[1] = &second;
    (void)b.queue.range(b.log.command("c"), false);
    b.step();
    CHECK(story == "a b A=re:a B=re:b c ");
    CHECK(b.queue.applied() == index_t{3});
    CHECK(b.queue.progress().first == index_t{1});
}

TEST_CASE("a read runs when its index is applied, in the order of confirmation") {
    // scenario F99
    bench b;
    named early("early"), late("late"), first("with-late");
    late.next = &first;
    b.queue.read(early, {});
    b.queue.read(late, {2});
    (void)b.queue.range(b.log.command("a"), false);
    b.step();
    CHECK(story == "early= a ");
    (void)b.queue.range(b.log.command("b"), false);
    b.step();
    CHECK(story == "early= a b late= with-late= ");
}

TEST_CASE(
    "a capture and a commit stand between two ranges, refusals come after them") {  // known bugs
                                                                                    // 38, 65,
                                                                                    // 100
    bench b;
    named refused("R");
    teller::writer filled;
    const snapshot_meta meta;
    (void)b.queue.range(b.log.command("a"), false);
    b.queue.finish(refused, {errc::leader_changed, 0, ""});
    b.queue.capture();
    (void)b.queue.range(b.log.command("b"), false);
    b.queue.begin_restore(meta);
    b.queue.commit(filled, {9});
    b.step();
    CHECK(story == "a capture b restore commit R=leader_changed ");
    CHECK(b.queue.progress().captured_at == index_t{1});
    CHECK(b.queue.progress().captured_image.has_value());
    CHECK(b.queue.progress().replacement.has_value());
    CHECK(b.queue.progress().committed);
    CHECK(b.queue.applied() == index_t{9});
    b.queue.clear_progress();
    CHECK_FALSE(b.queue.progress().captured_image.has_value());
}

TEST_CASE("a membership entry reaches the machine between its neighbours") {
    bench b;
    configuration now;
    now.index = {2};
    now.members.push_back({{1}, member_role::voter, member_role::none, 0, ""});
    std::vector<std::byte> body;
    encode(now, body);
    run_view entries = b.log.command("a");
    entries = b.log.both(entries, b.log.add(entry_kind::membership, body));
    entries = b.log.both(entries, b.log.command("b"));
    (void)b.queue.range(entries, false);
    b.step();
    CHECK(story == "a members1@2 b ");
}

TEST_CASE("a step ends with its slice and goes on where it stopped") {
    bench b;
    for (const char* text : {"a", "b", "c", "d"}) (void)b.queue.range(b.log.command(text), false);
    const clock_fn clock = []() noexcept { return fake_now; };
    CHECK(b.queue.step(clock, milliseconds(2)));
    CHECK(story == "a b ");
    CHECK(b.queue.progress().took == milliseconds(2));
    (void)b.queue.range(b.log.command("e"), false);  // arrives meanwhile
    CHECK_FALSE(b.queue.step(clock, milliseconds(2)));
    CHECK(b.queue.step(clock, milliseconds(1)) == false);
    CHECK(story == "a b c d e ");
}

TEST_CASE("after a failed apply nothing is applied and nobody is told that it was") {
    bench b;
    named before("A"), bad("B"), after("C"), read("read");
    for (const auto& [text, who] : {std::pair{"a", &before}, {"bad", &bad}, {"c", &after}}) {
        b.queue.range(b.log.command(text), true)[0] = who;
    }
    b.queue.read(read, {3});
    b.step();
    CHECK(story == "a A=re:a B=outcome_unknown read=stopped C=outcome_unknown ");
    CHECK(b.queue.progress().failed.code == errc::io);
    CHECK(b.queue.applied() == index_t{1});
    CHECK(bad.how.detail == u64(errc::io));
}

TEST_CASE("an operation that finishes may queue another one") {
    bench b;
    static applier<teller>* queue = nullptr;
    static named second("second");
    queue = &b.queue;
    operation first;
    first.finish = [](operation&, error, byte_span) noexcept {
        story += "first ";
        queue->finish(second, {});
        CHECK(second.ends == 0);
    };
    b.queue.finish(first, {});
    b.step();
    CHECK(story == "first ");
    CHECK(b.queue.has_work());
    b.step();
    CHECK(story == "first second= ");
}

TEST_CASE("reads whose index is never reached end when nothing more will be applied") {
    bench b;
    named done("done"), never_reached("left"), its_neighbour("too");
    never_reached.next = &its_neighbour;
    b.queue.range(b.log.command("a"), false);
    b.queue.read(done, {1});
    b.queue.read(never_reached, {2});
    b.step();
    CHECK(never_reached.ends == 0);
    CHECK_FALSE(b.queue.has_work());
    b.queue.end_reads({errc::stopped, 0, "test"});
    CHECK(story == "a done= left=stopped too=stopped ");
    b.queue.end_reads({errc::stopped, 0, "test"});
    CHECK(never_reached.ends + its_neighbour.ends == 2);
}

TEST_CASE("what is added while a step runs belongs to the next one") {
    bench b;
    b.queue.range(b.log.command("a"), false);
    b.queue.take();  // from here the step may run on another thread
    b.queue.range(b.log.command("b"), false);
    CHECK_FALSE(b.queue.step_taken(nullptr, {}));
    CHECK(story == "a ");
    CHECK(b.queue.has_work());
    b.step();
    CHECK(story == "a b ");
}

TEST_CASE("a machine that is half restored in place is not captured") {
    story.clear();
    teller_in_place machine;
    applier<teller_in_place> queue{machine};
    snapshot_meta of;
    of.id.at = {{9}, {1}};
    queue.begin_restore(of);
    queue.capture();
    CHECK_FALSE(queue.step(nullptr, {}));
    CHECK(queue.progress().captured);
    CHECK(queue.progress().capture_failed.code == errc::busy);
    CHECK_FALSE(queue.progress().captured_image);
    CHECK(story == "restore ");
}

TEST_CASE("a read that waits for its index ends by its deadline or when it is cancelled") {
    bench b;
    named late("late"), patient("patient"), gone("gone");
    late.deadline = instant{} + milliseconds(10);
    gone.deadline = instant{} + milliseconds(30);
    late.next = &patient;
    patient.next = &gone;
    b.queue.read(late, {2});
    CHECK(b.queue.reads_due() == late.deadline);
    b.step();
    CHECK(story.empty());
    CHECK(b.queue.reads_due() == late.deadline);
    b.queue.sweep_reads(late.deadline);
    CHECK(b.queue.has_work());
    b.step();
    CHECK(story == "late=timed_out ");
    CHECK(b.queue.reads_due() == gone.deadline);
    gone.cancel_asked = true;
    b.queue.sweep_reads(late.deadline);
    b.step();
    CHECK(story == "late=timed_out gone=cancelled ");
    CHECK(b.queue.reads_due() == never);
    (void)b.queue.range(b.log.command("a"), false);
    (void)b.queue.range(b.log.command("b"), false);
    b.step();
    CHECK(story == "late=timed_out gone=cancelled a b patient= ");
}

TEST_CASE("a stale read waits for no other read, and no read for a range behind its index") {
    bench b;
    named linear("linear"), stale("stale"), second("second");
    b.queue.read(linear, {3});
    b.step();
    b.queue.read(stale, {});
    b.step();
    CHECK(story == "stale= ");
    // A slice that ends after each range: what is asked meanwhile joins what is left.
    for (const char* each : {"a", "b", "c"}) (void)b.queue.range(b.log.command(each), false);
    const clock_fn clock = []() noexcept { return fake_now; };
    CHECK(b.queue.step(clock, milliseconds(1)));
    b.queue.read(second, {});
    CHECK(b.queue.step(clock, milliseconds(1)));
    CHECK(story == "stale= a second= b ");
    CHECK_FALSE(b.queue.step(clock, milliseconds(1)));
    CHECK(story == "stale= a second= b c linear= ");
}
