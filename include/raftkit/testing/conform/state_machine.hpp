#pragma once
// What every StateMachine must do, checkable for any machine and any test framework. The caller
// brings places:
//
//   struct places {
//       machine fresh();                          // at its beginning, every time the same
//       std::vector<std::byte> command(u64 n);    // the nth of a stream that changes much of it
//       u64 fingerprint(const machine&);          // optional: two machines are equal if it is;
//   };                                            // else digest() is asked, else the image read
//   conform::check_state_machine(places, [](const char* name, bool ok, const char* why) { ... });
//
// One check, one sentence, one reason to fail; `why` says what was seen. Under ThreadSanitizer the
// two checks with a second thread find what machine and image share.

#include <raftkit/io/thread.hpp>
#include <raftkit/testing/conform/state_machine/user.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

template <class Places, class Report>
class state_machine_checks {
public:
    state_machine_checks(Places& places, Report& report) : places_(places), report_(report) {}

    void run_all() {
        commands_decide_everything();
        the_cut_of_ranges_does_not_matter();
        replies_answer_their_entries();
        capture_changes_nothing();
        an_image_stays_as_it_was();
        images_are_independent();
        the_size_of_chunks_does_not_matter();
        an_empty_state_is_a_state();
        a_restore_replaces_everything();
        a_restored_machine_goes_on();
        if constexpr (!in_place_machine<machine>) a_restore_happens_in_commit_alone();
        an_image_may_be_read_in_another_thread();
        a_writer_may_be_filled_in_another_thread();
        what_a_machine_says_of_itself();
    }

private:
    using machine = decltype(std::declval<Places&>().fresh());
    using user = machine_user<machine, Places>;
    static constexpr u64 some = 120, more = 200, all = 260;  // entries

    void say(const char* name, bool ok, const char* why) { report_(name, ok, ok ? "" : why); }

    // The image at `at`, as bytes; and what the machine is there.
    struct still {
        image_bytes bytes;
        digest128 print{};
    };
    still still_at(u64 at, u32 chunk_bytes = 4096) {
        user of(places_);
        of.apply_upto(at, range_cut::whole);
        still made;
        auto image = of.capture();
        if (!image) return made;
        if (auto bytes = read_image(*image, chunk_bytes)) made.bytes = std::move(*bytes);
        made.print = of.fingerprint();
        return made;
    }
    // Restores `from` into `to`, `piece` bytes a chunk.
    bool install(user& to, const image_bytes& from, u64 piece, u64 at) {
        auto writer = to.restore();
        if (!writer || !fill_writer(*writer, from, piece)) return false;
        writer->commit();
        to.now_at(at);
        return true;
    }

    void commands_decide_everything() {
        user one(places_), other(places_);
        const digest128 fresh = one.fingerprint();
        one.apply_upto(some, range_cut::whole);
        const digest128 before = one.fingerprint();
        one.apply_upto(more, range_cut::whole);
        other.apply_upto(more, range_cut::whole);
        say("the suite's commands change the state", fresh != before && before != one.fingerprint(),
            "they don't, so nothing would be checked: see command() and fingerprint()");
        say("the same commands give the same state", one.fingerprint() == other.fingerprint(),
            "it differs");
        say("the same commands give the same replies", one.replies_from(1) == other.replies_from(1),
            "they differ");
        say("apply succeeds", one.succeeds && other.succeeds, "it returned an error");
    }

    // Replicas cut their log as batches happen to come.
    void the_cut_of_ranges_does_not_matter() {
        user whole(places_);
        whole.apply_upto(more, range_cut::whole);
        bool state = true, replies = true;
        for (u64 seed = 0; seed < 4; ++seed) {
            user cut(places_);
            cut.apply_upto(more, seed == 0 ? range_cut::one_by_one : range_cut::anywhere, seed);
            state = state && cut.fingerprint() == whole.fingerprint();
            replies = replies && cut.replies_from(1) == whole.replies_from(1);
        }
        say("the cut of ranges does not matter to the state", state, "an entry was lost or added");
        say("the cut of ranges does not matter to the replies", replies, "they differ");
    }

    void replies_answer_their_entries() {
        user of(places_);
        of.apply_upto(more, range_cut::anywhere);
        say("replies come in the order of their entries, one each", of.replies_ordered,
            "one came late or twice");
        say("replies are for entries of the range", of.replies_within, "one is for another");
    }

    void capture_changes_nothing() {
        user one(places_), other(places_);
        one.apply_upto(some, range_cut::whole);
        other.apply_upto(some, range_cut::whole);
        for (int i = 0; i < 3; ++i) {
            auto image = one.capture();
            if (i == 0) say("capture() succeeds", bool(image), "it failed");
            if (i == 1 && image) (void)read_image(*image, 64);
        }
        one.apply_upto(more, range_cut::whole);
        other.apply_upto(more, range_cut::whole);
        say("captures change nothing, read or dropped",
            one.fingerprint() == other.fingerprint() &&
                one.replies_from(1) == other.replies_from(1),
            "the machine is another one afterwards");
    }

    void an_image_stays_as_it_was() {
        const still then = still_at(some);
        user later(places_), meanwhile(places_);
        later.apply_upto(some, range_cut::whole);
        auto image = later.capture();
        later.apply_upto(all, range_cut::whole);
        bool same = false;
        if (image) {
            const auto bytes = read_image(*image, 4096);
            same = bytes && *bytes == then.bytes;
        }
        say("an image is what the machine was at its capture", same,
            "it knows of later entries, or lost earlier ones");
        meanwhile.apply_upto(some, range_cut::whole);
        auto slow = meanwhile.capture();
        bool still_same = false;
        if (slow) {
            image_reading reading(*slow, 16);
            while (!reading.ended() && reading.step()) {
                if (meanwhile.applied() < all)
                    meanwhile.apply_upto(meanwhile.applied() + 1, range_cut::whole);
            }
            still_same = reading.ended() && reading.bytes() == then.bytes;
        }
        say("an image stays what it is while it is read", still_same, "an apply changed it");
    }

    void images_are_independent() {
        const still first_still = still_at(some), second_still = still_at(more);
        user of(places_);
        of.apply_upto(some, range_cut::whole);
        auto first = of.capture();
        of.apply_upto(more, range_cut::whole);
        auto second = of.capture();
        bool same = false;
        if (first && second) {
            image_reading later(*second, 64), earlier(*first, 48);
            bool going = true;
            while (going && !(later.ended() && earlier.ended())) {
                if (!later.ended()) going = bool(later.step());
                if (going && !earlier.ended()) going = bool(earlier.step());
            }
            same = going && later.bytes() == second_still.bytes &&
                   earlier.bytes() == first_still.bytes;
        }
        say("images know nothing of each other", same, "one spoilt the other");
    }

    void the_size_of_chunks_does_not_matter() {
        const still then = still_at(some);
        bool read = true, written = true;
        for (const u32 size : {1u, 7u, 64u, 1u << 20}) {
            read = read && still_at(some, size).bytes == then.bytes;
            user of(places_);
            written =
                written && install(of, then.bytes, size, some) && of.fingerprint() == then.print;
        }
        say("an image fills chunks of any size", read, "other bytes, or an error");
        say("a restore takes chunks of any size", written, "another state, or an error");
    }

    void an_empty_state_is_a_state() {
        const still empty = still_at(0);
        user of(places_);
        of.apply_upto(some, range_cut::whole);
        say("a machine at its beginning is restored as such",
            install(of, empty.bytes, 64, 0) && of.fingerprint() == empty.print,
            "something is left, or it failed");
    }

    void a_restore_replaces_everything() {
        const still then = still_at(some);
        user fresh(places_), dirty(places_);
        say("a snapshot is restored into a machine at its beginning",
            install(fresh, then.bytes, 100, some) && fresh.fingerprint() == then.print,
            "another state, or an error");
        dirty.apply_upto(all, range_cut::whole);
        say("a restore replaces the whole state",
            install(dirty, then.bytes, 100, some) && dirty.fingerprint() == then.print,
            "something of the old state is left");
        auto again = dirty.capture();
        bool same = false;
        if (again) {
            const auto bytes = read_image(*again, 4096);
            user second(places_);
            same =
                bytes && install(second, *bytes, 100, some) && second.fingerprint() == then.print;
        }
        say("the snapshot of a restored machine restores the same", same, "another state");
    }

    // What the image leaves out shows only later.
    void a_restored_machine_goes_on() {
        const still then = still_at(some);
        user whole(places_), restored(places_);
        whole.apply_upto(all, range_cut::whole);
        const bool installed = install(restored, then.bytes, 4096, some);
        restored.apply_upto(all, range_cut::whole);
        say("a restored machine goes on to the same state",
            installed && restored.fingerprint() == whole.fingerprint(), "to another one");
        say("a restored machine gives the same replies",
            installed && restored.replies_from(some + 1) == whole.replies_from(some + 1), "others");
    }

    void a_restore_happens_in_commit_alone() {
        const still then = still_at(some);
        user of(places_), twin(places_);
        of.apply_upto(some - 40, range_cut::whole);
        twin.apply_upto(some - 40, range_cut::whole);
        auto writer = of.restore();
        const bool filled = writer && fill_writer(*writer, then.bytes, 64);
        say("a machine is left alone until commit()",
            filled && of.fingerprint() == twin.fingerprint(), "it changed, or write() failed");
        of.apply_upto(more, range_cut::whole);  // it goes on meanwhile
        twin.apply_upto(more, range_cut::whole);
        say("applies go on beside a restore", of.fingerprint() == twin.fingerprint(),
            "they do something else then");
        if (filled) writer->commit();
        say("commit() swaps, whatever was applied beside the restore",
            filled && of.fingerprint() == then.print, "another state");

        user kept(places_);
        kept.apply_upto(more, range_cut::whole);
        {
            auto dropped = kept.restore();
            if (dropped) (void)fill_writer(*dropped, then.bytes, 64);
        }
        say("a writer that is dropped leaves the machine as it was",
            kept.fingerprint() == twin.fingerprint(), "it changed");
    }

    void an_image_may_be_read_in_another_thread() {
        const still then = still_at(some);
        user of(places_);
        of.apply_upto(some, range_cut::whole);
        auto captured = of.capture();
        if (!captured) return;
        struct reader {
            std::optional<image_of<machine>> image;
            image_bytes bytes;
        } reading{std::move(*captured), {}};
        thread beside;
        const auto started = beside.start(
            [](void* with) noexcept {
                auto& mine = *static_cast<reader*>(with);
                if (auto all_bytes = read_image(*mine.image, 32))
                    mine.bytes = std::move(*all_bytes);
                mine.image.reset();  // images die where they are read
            },
            &reading);
        of.apply_upto(all, range_cut::anywhere);
        beside.join();
        say("an image may be read and destroyed in another thread",
            started && reading.bytes == then.bytes, "other bytes, or no thread");
    }

    void a_writer_may_be_filled_in_another_thread() {
        const still then = still_at(some);
        user of(places_);
        of.apply_upto(more, range_cut::whole);
        auto begun = of.restore();
        say("restore() succeeds", bool(begun), "it failed");
        if (!begun) return;
        struct filler {
            restore_writer_of<machine>* writer;
            const image_bytes* bytes;
            bool filled = false;
        } filling{&*begun, &then.bytes};
        thread beside;
        const auto started = beside.start(
            [](void* with) noexcept {
                auto& mine = *static_cast<filler*>(with);
                mine.filled = bool(fill_writer(*mine.writer, *mine.bytes, 32));
            },
            &filling);
        if constexpr (!in_place_machine<machine>) of.apply_upto(all, range_cut::anywhere);
        beside.join();
        if (filling.filled) begun->commit();
        say("a restore writer may be filled in another thread",
            started && filling.filled && of.fingerprint() == then.print,
            "another state, an error, or no thread");
    }

    void what_a_machine_says_of_itself() {
        user of(places_);
        bool behind = true, placed = true;
        for (u64 at = 0; at <= more; at += 40) {
            of.apply_upto(at, range_cut::whole);
            if constexpr (durable_machine<machine>)
                behind = behind && of.machine().durable_index().index.value <= at;
            if constexpr (positioned_image<image_of<machine>>) {
                const auto image = of.capture();
                placed = placed && image && image->at().index.value <= at;
            }
        }
        if constexpr (durable_machine<machine>)
            say("durable_index() is not ahead of what was applied", behind, "it is");
        if constexpr (positioned_image<image_of<machine>>)
            say("an image is not of a later entry than was applied", placed, "it is");
    }

    Places& places_;
    Report& report_;
};

template <class Places, class Report>
void check_state_machine(Places&& places, Report&& report) {
    state_machine_checks<std::remove_reference_t<Places>, std::remove_reference_t<Report>>(places,
                                                                                           report)
        .run_all();
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
