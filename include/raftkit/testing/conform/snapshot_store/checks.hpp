#pragma once
// The checks of conform/snapshot_store.hpp.

#include <array>

#include <raftkit/testing/conform/snapshot_store.hpp>
#include <raftkit/testing/conform/snapshot_store/endurance.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

inline constexpr std::array<u64, 3> plain_sizes{1000, 0, 333};

template <class Places, class Report>
class snapshot_store_endurance;

template <class Places, class Report>
class snapshot_store_checks {
public:
    snapshot_store_checks(Places& places, Report& report) : places_(places), report_(report) {}

    void run() {
        a_fresh_place_is_empty();
        what_was_saved_reads_back();
        the_order_is_that_of_ids();
        nothing_is_visible_before_publish();
        a_dropped_writer_leaves_nothing();
        a_writer_ends_with_its_first_error();
        publishing_twice_is_an_error();
        an_unfinished_save_is_not_published();
        pieces_of_an_install_come_in_any_order();
        a_wrong_byte_of_an_install_is_found();
        a_missing_piece_of_an_install_is_found();
        impossible_pieces_are_refused();
        an_unknown_id_is_not_found();
        an_id_is_stored_once();
        a_reader_outlives_removal();
        settle_drops_the_marker();
        quarantine_hides();
        reading_outside_is_an_error();
        published_snapshots_survive();
    }

private:
    using store = decltype(std::declval<Places&>().fresh());

    void say(const char* name, bool ok, const char* why) { report_(name, ok, ok ? "" : why); }
    store ready() {
        store made = places_.fresh();
        if (!made.recover(store_owner))
            report_("recover", false, "recover() of an empty place failed");
        return made;
    }
    static std::size_t listed(store& in) {
        const result<std::vector<snapshot_manifest>> all = in.list();
        return all ? all->size() : ~std::size_t{0};
    }

    void a_fresh_place_is_empty() {
        store made = places_.fresh();
        const result<store_report> report = made.recover(store_owner);
        say("recover() of an empty place finds nothing",
            report && report->published == 0 && report->found.empty(),
            "it failed or found something");
        say("an empty store lists nothing", listed(made) == 0, "list() failed or was not empty");
    }

    void what_was_saved_reads_back() {
        bool saved = true, same = true, told = true;
        for (const u32 chunk_bytes : {1u, 7u, 64u, 1000u, 4096u}) {
            for (const u64 piece : {u64{1000}, u64{64}, u64{13}}) {
                store made = ready();
                const contents all = some_contents(plain_sizes, chunk_bytes + piece);
                const result<snapshot_manifest> published =
                    save(made, captured_manifest(5, 2, 9, chunk_bytes), all, piece);
                saved &= bool(published);
                if (!published) continue;
                const snapshot_manifest described = described_manifest(5, 2, 9, chunk_bytes, all);
                told &= published->sections == described.sections &&
                        published->meta.digest == described.meta.digest &&
                        published->meta.bytes == described.meta.bytes;
                for (const u32 bytes_max : {3u, 64u, 5000u}) {
                    const result<contents> read =
                        read_snapshot(made, published->meta.id, bytes_max);
                    same &= read && *read == all;
                }
            }
        }
        say("a save is published whatever the sizes of pieces and chunks", saved,
            "publish() failed");
        say("publish() tells lengths and digests", told, "they differ from those of the bytes");
        say("what was saved reads back", same, "an error, or other bytes");
        store made = ready();
        const contents nothing(1);
        const result<snapshot_manifest> empty =
            save(made, captured_manifest(5, 2, 9, 64), nothing, 64);
        const result<contents> read = read_snapshot(made, {{{5}, {2}}, 9}, 64);
        say("an empty state is a snapshot", empty && read && *read == nothing,
            "it failed, or has bytes");
    }

    void the_order_is_that_of_ids() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        const std::array<std::array<u64, 3>, 5> ids{
            {{9, 3, 1}, {10, 2, 1}, {10, 3, 16}, {100, 1, 1}, {10, 3, 9}}};
        for (const auto& [index, term, nonce] : ids)
            (void)save(made, captured_manifest(index, term, nonce, 64), all, 64);
        const result<std::vector<snapshot_manifest>> list = made.list();
        bool falls = list && list->size() == ids.size();
        for (std::size_t i = 1; falls && i < list->size(); ++i)
            falls = older((*list)[i].meta.id, (*list)[i - 1].meta.id);
        say("list() is newest first, by index, term and nonce", falls,
            "another order, or not all are there");
    }

    void nothing_is_visible_before_publish() {
        store made = ready();
        result<typename store::writer> writer = made.create(captured_manifest(5, 2, 9, 64));
        if (!writer) return say("create() of a new id succeeds", false, "it failed");
        const result<void> pumped = pump_all(*writer, some_contents(plain_sizes, 1), 64);
        say("nothing is listed before publish()", pumped && listed(made) == 0,
            "something was listed");
        say("nothing can be opened before publish()",
            made.open({{{5}, {2}}, 9}).why().code == errc::not_found, "it could");
        say("publish() lists", writer->publish() && listed(made) == 1, "it does not");
    }

    void a_dropped_writer_leaves_nothing() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        {
            result<typename store::writer> writer = made.create(captured_manifest(5, 2, 9, 64));
            if (writer) (void)pump_all(*writer, all, 64);
        }
        say("a dropped writer leaves nothing", listed(made) == 0, "something is listed");
        say("its id can be written again",
            bool(save(made, captured_manifest(5, 2, 9, 64), all, 64)), "it can't");
    }

    void a_writer_ends_with_its_first_error() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        result<typename store::writer> writer = made.create(captured_manifest(5, 2, 9, 64));
        if (!writer) return;
        (void)writer->begin_section(section_named(0));
        const bool refused = !writer->write(piece_of(all, 0, 10, 20));  // not the next offset
        say("a gap in a save is an error", refused, "it was taken");
        say("a writer ends with its first error",
            !writer->write(piece_of(all, 0, 0, 20)) && !writer->publish() && listed(made) == 0,
            "it went on");
    }

    void publishing_twice_is_an_error() {
        store made = ready();
        result<typename store::writer> writer = made.create(captured_manifest(5, 2, 9, 64));
        if (!writer) return;
        (void)pump_all(*writer, some_contents(plain_sizes, 1), 64);
        typename store::writer moved = std::move(*writer);
        say("publish() of a moved-from writer is an error", !writer->publish() && listed(made) == 0,
            "it succeeded");
        const bool first = bool(moved.publish());
        say("publish() succeeds once", first && !moved.publish() && listed(made) == 1,
            "twice, or never");
    }

    void an_unfinished_save_is_not_published() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        result<typename store::writer> writer = made.create(captured_manifest(5, 2, 9, 64));
        if (!writer) return;
        (void)writer->begin_section(section_named(0));
        chunk first = piece_of(all, 0, 0, all[0].size());
        first.end_of_section = true;
        (void)writer->write(first);
        say("a save without its end is not published", !writer->publish() && listed(made) == 0,
            "it was");
    }

    void pieces_of_an_install_come_in_any_order() {
        bool published = true, same = true, kept = true;
        for (u64 seed = 1; seed <= 6; ++seed) {
            store made = ready();
            prng random(seed);
            const contents all = some_contents(plain_sizes, seed);
            const snapshot_manifest asked =
                described_manifest(5, 2, 9, seed % 2 == 0 ? 64 : 100, all);
            result<typename store::writer> writer = made.create(asked);
            if (!writer) return say("create() takes a described manifest", false, "it failed");
            const u64 cut = seed % 3 == 0 ? 37 : asked.chunk_bytes;
            std::vector<std::pair<u32, u64>> pieces;
            for (u32 section = 0; section < all.size(); ++section) {
                for (u64 at = 0; at < all[section].size(); at += cut)
                    pieces.insert(pieces.end(), 2, {section, at});
            }
            for (std::size_t i = pieces.size(); i > 1; --i)
                std::swap(pieces[i - 1], pieces[random.below(i)]);
            for (const auto& [section, at] : pieces) {
                const u64 size = std::min<u64>(cut, all[section].size() - at);
                published &= bool(writer->write(piece_of(all, section, at, size)));
            }
            const result<snapshot_manifest> done = writer->publish();
            published &= bool(done);
            kept &= done && *done == asked;
            const result<contents> read = read_snapshot(made, asked.meta.id, 500);
            same &= read && *read == all;
        }
        say("pieces of an install come in any order, twice, cut anywhere", published,
            "a piece or publish() was refused");
        say("an install keeps the manifest that it was given", kept, "it differs");
        say("what was installed reads back", same, "an error, or other bytes");
    }

    // Writes an install of two sections with one piece changed by `change`, which may also drop it.
    template <class Change>
    bool install_is_refused(Change&& change) {
        store made = ready();
        const contents all = some_contents(plain_sizes, 3);
        result<typename store::writer> writer = made.create(described_manifest(5, 2, 9, 64, all));
        if (!writer) return false;
        bool refused = false;
        for (u32 section = 0; section < all.size(); ++section) {
            for (u64 at = 0; at < all[section].size(); at += 64) {
                chunk piece =
                    piece_of(all, section, at, std::min<u64>(64, all[section].size() - at));
                if (section == 0 && at == 128 && !change(piece)) continue;
                refused |= !writer->write(piece);
            }
        }
        refused |= !writer->publish();
        return refused && listed(made) == 0;
    }

    void a_wrong_byte_of_an_install_is_found() {
        const bool refused = install_is_refused([](chunk& piece) {
            *piece.bytes.data() ^= std::byte{1};
            return true;
        });
        say("a wrong byte of an install is found by its digest", refused, "it was published");
    }

    void a_missing_piece_of_an_install_is_found() {
        say("an install without one of its pieces is not published",
            install_is_refused([](chunk&) { return false; }), "it was");
    }

    void impossible_pieces_are_refused() {
        const contents all = some_contents(plain_sizes, 3);
        bool refused = true;
        for (const auto& [section, offset] :
             {std::pair<u32, u64>{3, 0}, {0, 990}, {0, ~u64{0} - 5}, {1, 0}, {~0u, 0}}) {
            store made = ready();
            result<typename store::writer> writer =
                made.create(described_manifest(5, 2, 9, 64, all));
            if (!writer) return;
            chunk piece = piece_of(all, 0, 0, 20);
            piece.section = section;
            piece.offset = offset;
            refused &= !writer->write(piece) && !writer->publish();
        }
        say("pieces outside of what the manifest describes are refused", refused, "one was taken");
    }

    void an_unknown_id_is_not_found() {
        store made = ready();
        (void)save(made, captured_manifest(5, 2, 9, 64), some_contents(plain_sizes, 1), 64);
        const snapshot_id other{{{5}, {2}}, 8};
        const bool none = made.open(other).why().code == errc::not_found &&
                          made.remove(other).why().code == errc::not_found &&
                          made.settle(other).why().code == errc::not_found;
        say("open, remove and settle of an unknown id are not_found", none, "another answer");
    }

    void an_id_is_stored_once() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        (void)save(made, captured_manifest(5, 2, 9, 64), all, 64);
        const bool refused =
            !save(made, captured_manifest(5, 2, 9, 64), some_contents(plain_sizes, 2), 64);
        const result<contents> read = read_snapshot(made, {{{5}, {2}}, 9}, 500);
        say("an id is stored once", refused && listed(made) == 1 && read && *read == all,
            "it was replaced");
    }

    void a_reader_outlives_removal() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        (void)save(made, captured_manifest(5, 2, 9, 64), all, 64);
        result<typename store::reader> reader = made.open({{{5}, {2}}, 9});
        if (!reader) return say("open() of a published snapshot succeeds", false, "it failed");
        const bool removed = bool(made.remove({{{5}, {2}}, 9}));
        say("remove() unlists at once", removed && listed(made) == 0 && !made.open({{{5}, {2}}, 9}),
            "it does not");
        const result<contents> read = read_all(*reader, 100);
        say("an open reader outlives removal", read && *read == all, "an error, or other bytes");
        say("a removed id can be written again while it is read",
            bool(save(made, captured_manifest(5, 2, 9, 64), all, 64)), "it can't");
    }

    void settle_drops_the_marker() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        const snapshot_manifest asked = described_manifest(5, 2, 9, 64, all);
        (void)save(made, asked, all, 64);
        const auto marked = [](store& in) {
            const result<std::vector<snapshot_manifest>> list = in.list();
            return list && list->size() == 1 && list->front().meta.installing;
        };
        const bool before = marked(made);
        const bool settled = made.settle(asked.meta.id) && made.settle(asked.meta.id);
        say("an install is marked until settle(), which may come twice",
            before && settled && !marked(made), "it is not");
        const result<contents> read = read_snapshot(made, asked.meta.id, 500);
        say("settle() keeps the bytes", read && *read == all, "it does not");
    }

    void quarantine_hides() {
        if constexpr (quarantining_store<store>) {
            store made = ready();
            (void)save(made, captured_manifest(5, 2, 9, 64), some_contents(plain_sizes, 1), 64);
            const bool hidden = made.quarantine({{{5}, {2}}, 9}) && listed(made) == 0 &&
                                !made.open({{{5}, {2}}, 9});
            say("quarantine() hides a snapshot", hidden, "it does not");
        }
    }

    void reading_outside_is_an_error() {
        store made = ready();
        const contents all = some_contents(plain_sizes, 1);
        (void)save(made, captured_manifest(5, 2, 9, 64), all, 64);
        result<typename store::reader> reader = made.open({{{5}, {2}}, 9});
        if (!reader) return;
        const bool refused =
            !reader->read(3, 0, 10) && !reader->read(0, 1001, 10) && !reader->read(0, 0, 0);
        say("reading outside of a snapshot, or nothing, is an error", refused, "it is not");
        const result<chunk> rest = reader->read(0, 1000, 10);
        say("reading at the end of a section gives its end",
            rest && rest->bytes.empty() && rest->end_of_section, "it does not");
    }

    void published_snapshots_survive() {
        if constexpr (requires { places_.again(); }) {
            const contents all = some_contents(plain_sizes, 1),
                           other = some_contents(plain_sizes, 2);
            {
                store made = ready();
                (void)save(made, captured_manifest(5, 2, 9, 64), all, 64);
                const snapshot_manifest asked = described_manifest(7, 2, 9, 64, other);
                (void)save(made, asked, other, 64);
                (void)save(made, captured_manifest(3, 2, 9, 64), all, 64);
                (void)made.remove({{{3}, {2}}, 9});
                result<typename store::writer> writer = made.create(captured_manifest(8, 2, 9, 64));
                if (writer) (void)pump_all(*writer, all, 64);
            }
            store again = places_.again();
            const result<store_report> report = again.recover(store_owner);
            const result<std::vector<snapshot_manifest>> list = again.list();
            const bool both = report && list && list->size() == 2 &&
                              (*list)[0].meta.id.at.index == index_t{7} &&
                              (*list)[1].meta.id.at.index == index_t{5};
            say("what was published survives, what was removed or not published does not", both,
                "another list");
            if (!both) return;
            say("the marker survives", (*list)[0].meta.installing && !(*list)[1].meta.installing,
                "it does not");
            const result<contents> first = read_snapshot(again, (*list)[1].meta.id, 500);
            const result<contents> second = read_snapshot(again, (*list)[0].meta.id, 500);
            say("bytes survive", first && *first == all && second && *second == other,
                "they differ");
        }
    }

    Places& places_;
    Report& report_;
};

template <class Places, class Report>
void check_snapshot_store(Places&& places, Report&& report) {
    using all_places = std::remove_reference_t<Places>;
    using all_reports = std::remove_reference_t<Report>;
    snapshot_store_checks<all_places, all_reports>(places, report).run();
    snapshot_store_endurance<all_places, all_reports>(places, report).run();
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
