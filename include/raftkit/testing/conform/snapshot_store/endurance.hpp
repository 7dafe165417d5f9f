#pragma once
// The checks of conform/snapshot_store.hpp that look further than one life of a store: what of a
// snapshot is kept, what a power cut leaves, and how an install is gone on with.

#include <raftkit/testing/conform/snapshot_store.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

template <class Places, class Report>
class snapshot_store_endurance {
public:
    snapshot_store_endurance(Places& places, Report& report) : places_(places), report_(report) {}

    void run() {
        a_save_keeps_what_it_was_given();
        if constexpr (requires { places_.crash(1); }) power_cuts();
        if constexpr (resumable_writer<typename store::writer>) installs_are_gone_on_with();
    }

private:
    using store = decltype(std::declval<Places&>().fresh());
    static constexpr std::array<u64, 2> sizes{700, 100};
    static constexpr snapshot_id first_id{{{5}, {2}}, 9}, second_id{{{8}, {2}}, 9};

    void say(const char* name, bool ok, const char* why) { report_(name, ok, ok ? "" : why); }
    store ready() {
        store made = places_.fresh();
        (void)made.recover(store_owner);
        return made;
    }

    // A snapshot without the configuration in force there is no place to start from.
    void a_save_keeps_what_it_was_given() {
        store made = ready();
        const snapshot_manifest asked = captured_manifest(5, 2, 9, 64);
        result<typename store::writer> writer = made.create(asked);
        if (!writer) return say("a save keeps its configuration and its time", false, "no writer");
        (void)pump_all(*writer, some_contents(sizes, 1), 64);
        if constexpr (timed_writer<typename store::writer>) writer->took(seconds(3));
        const result<snapshot_manifest> told = writer->publish();
        say("a save keeps its configuration and its time",
            told && told->meta.id == asked.meta.id && told->meta.members == asked.meta.members &&
                told->created_at_unix_ms == asked.created_at_unix_ms &&
                told->chunk_bytes == asked.chunk_bytes && !told->meta.installing,
            "publish() tells others");
        const result<std::vector<snapshot_manifest>> list = made.list();
        const result<typename store::reader> reader = made.open(first_id);
        say("list() and open() tell what publish() told",
            told && list && list->size() == 1 && list->front() == *told && reader &&
                reader->manifest() == *told,
            "another manifest");
        if constexpr (timed_writer<typename store::writer>)
            say("a save knows how long it took", told && told->took == seconds(3), "it does not");
    }

    // The log is given up behind what publish() said.
    void power_cuts() {
        bool kept = true, whole = true;
        const contents first = some_contents(sizes, 1), second = some_contents(sizes, 2);
        for (u32 moment = 0; moment < 24; ++moment) {
            bool told = false;
            {
                store made = ready();
                kept = kept && save(made, captured_manifest(5, 2, 9, 64), first, 200);
                places_.crash(moment);
                told = bool(save(made, captured_manifest(8, 2, 9, 64), second, 200));
            }
            store again = places_.again();
            const result<store_report> report = again.recover(store_owner);
            const result<std::vector<snapshot_manifest>> list = again.list();
            if (!report || !list) {
                kept = false;
                continue;
            }
            bool has_first = false, has_second = false;
            for (const snapshot_manifest& each : *list) {
                const result<contents> read = read_snapshot(again, each.meta.id, 300);
                const bool is_first = each.meta.id == first_id;
                (is_first ? has_first : has_second) = true;
                whole = whole && read && *read == (is_first ? first : second) &&
                        each.meta.members == captured_manifest(1, 1, 1, 1).meta.members;
            }
            kept = kept && has_first && (has_second || !told);
        }
        say("what was published survives a power cut", kept, "it is gone, or nothing opens");
        say("a snapshot is there whole or not at all", whole, "half of it is, or another one");
    }

    // ---- installs that go on --------------------------------------------------------------------
    result<void> put(typename store::writer& to, const contents& all, u32 section) {
        for (u64 at = 0; at < all[section].size(); at += 64) {
            const u64 size = std::min<u64>(64, all[section].size() - at);
            const result<void> written = to.write(piece_of(all, section, at, size));
            if (!written) return written;
        }
        return {};
    }
    // A writer of the same snapshot that has looked at all that it found.
    result<typename store::writer> resumed(store& in, const snapshot_manifest& asked) {
        result<typename store::writer> writer = in.create(asked);
        for (int i = 0; writer && i < 10'000; ++i) {
            const result<u64> looked = writer->recheck();
            if (!looked) return looked.why();
            if (*looked == 0) return writer;
        }
        return error{errc::timed_out, 0, "recheck() has no end"};
    }
    void installs_are_gone_on_with() {
        const contents all = some_contents(sizes, 4);
        const snapshot_manifest asked = described_manifest(5, 2, 9, 64, all);
        store made = ready();
        {
            result<typename store::writer> begun = resumed(made, asked);
            const bool left = begun && put(*begun, all, 0) && begun->suspend();
            say("an install can be suspended", left, "it can't");
            if (!left) return;
        }
        const result<std::vector<snapshot_manifest>> list = made.list();
        say("a suspended install is not listed", list && list->empty(), "it is");
        {
            result<typename store::writer> writer = resumed(made, asked);
            say("what was staged need not come again",
                writer && writer->holds(0, 0, sizes[0]) && !writer->holds(1, 0, sizes[1]),
                "it is lost, or more is said to be there");
            const bool done = writer && put(*writer, all, 1) && writer->publish();
            const result<contents> read = read_snapshot(made, asked.meta.id, 300);
            say("an install that went on is what the leader has", done && read && *read == all,
                "it was not published, or with other bytes");
        }
        if constexpr (forgetting_store<store>) {
            const snapshot_manifest next = described_manifest(7, 2, 9, 64, all);
            {
                result<typename store::writer> begun = resumed(made, next);
                if (begun && put(*begun, all, 0)) (void)begun->suspend();
            }
            const bool forgot = bool(made.forget_staged());
            result<typename store::writer> writer = resumed(made, next);
            say("what is forgotten has to come again",
                forgot && writer && !writer->holds(0, 0, sizes[0]), "it is still there");
        }
    }

    Places& places_;
    Report& report_;
};

}  // namespace conform

RAFTKIT_NAMESPACE_END
