#pragma once
// A snapshot store around the one in memory that can be wrong in one way at a time: what the
// conformance suite of stores has to catch. Its home knows what a power cut leaves.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/testing/conform/snapshot_store.hpp>

namespace conform_support {

using namespace raftkit;

enum class store_defect {
    none,
    finds_what_is_not_there,
    lists_what_is_not_there,
    refuses_small_chunks,
    refuses_nothing,
    tells_no_sections,
    spoils_saves,
    lists_oldest_first,
    lists_unpublished,
    opens_half,
    hides_published,
    lists_dropped,
    remembers_ids,
    takes_gaps,
    goes_on_after_an_error,
    publishes_moved_from,
    publishes_twice,
    ends_by_itself,
    refuses_repeats,
    changes_the_manifest,
    spoils_installs,
    publishes_damage,
    takes_anything,
    removes_the_unknown,
    replaces,
    keeps_removed,
    ends_readers,
    ignores_settle,
    spoils_settled,
    ignores_quarantine,
    reads_outside,
    fails_at_the_end,
    forgets_at_restart,
    settles_at_restart,
    spoils_at_restart,
    loses_the_configuration,
    tells_otherwise,
    forgets_the_time,
    acknowledges_early,
    publishes_half,
    suspends_never,
    lists_suspended,
    loses_staged,
    spoils_resumed,
    remembers_forgotten,
};

struct store_home {
    struct durable {
        snapshot_manifest manifest;
        conform::contents all;
    };
    store_defect how = store_defect::none;
    memory_snapshots inner;
    std::vector<snapshot_manifest> phantoms;
    std::vector<snapshot_id> ids, settled;
    std::map<u64, std::vector<chunk>> staged;  // by nonce and index
    std::map<u64, durable> platter;
    std::optional<durable> unsynced;
    u32 calls_left = 0;
    bool powerless = false, restarted = false;

    static u64 key(snapshot_id id) { return id.at.index.value << 32 | id.nonce; }
    bool is(store_defect asked) const { return how == asked; }
    // Every call to the place; false: there is no power.
    bool call() {
        if (calls_left != 0 && --calls_left == 0) powerless = true;
        return !powerless;
    }
    void make_durable(const snapshot_manifest& of) {
        if (unsynced) platter[key(unsynced->manifest.meta.id)] = std::move(*unsynced);
        unsynced.reset();
        auto all = conform::read_snapshot(inner, of.meta.id, 1u << 20);
        if (!all) return;
        if (is(store_defect::acknowledges_early)) {
            unsynced = durable{of, std::move(*all)};
        } else {
            platter[key(of.meta.id)] = {of, std::move(*all)};
        }
    }
    // The power is back: what was durable is put on a new shelf.
    void start_over() {
        inner = memory_snapshots();
        unsynced.reset();
        powerless = false;
        calls_left = 0;
        for (const auto& [id, each] : platter) {
            snapshot_manifest manifest = each.manifest;
            if (is(store_defect::publishes_half) && each.all.empty()) {
                manifest.sections.clear();
                (void)conform::save(inner, manifest, conform::contents(1), 64);
                continue;
            }
            auto writer = inner.create(manifest);
            for (u32 section = 0; writer && section < each.all.size(); ++section)
                (void)writer->write(
                    conform::piece_of(each.all, section, 0, each.all[section].size()));
            if (writer) (void)writer->publish();
        }
    }
};

class crooked_store_writer {
public:
    crooked_store_writer(std::shared_ptr<store_home> home, memory_snapshots::writer inner,
                         snapshot_manifest asked)
        : home_(std::move(home)), inner_(std::move(inner)), asked_(std::move(asked)) {
        described_ = !asked_.sections.empty();
        if (const auto found = home_->staged.find(store_home::key(asked_.meta.id));
            found != home_->staged.end()) {
            pending_ = std::move(found->second);
            home_->staged.erase(found);
        }
    }
    crooked_store_writer(crooked_store_writer&& other) noexcept
        : home_(other.home_),
          inner_(std::move(other.inner_)),
          asked_(other.asked_),
          written_(std::move(other.written_)),
          pending_(std::move(other.pending_)),
          expected_(other.expected_),
          bytes_(other.bytes_),
          described_(other.described_),
          live_(std::exchange(other.live_, false)) {}
    crooked_store_writer& operator=(crooked_store_writer&&) = default;
    ~crooked_store_writer() {
        if (live_ && !published_ && home_->is(store_defect::lists_dropped))
            home_->phantoms.push_back(asked_);
    }

    result<void> begin_section(const section_meta& of) {
        expected_ = 0;
        return inner_.begin_section(of);
    }
    result<void> write(const chunk& piece) {
        using enum store_defect;
        if (!home_->call()) return error{errc::io, 5, "no power"};
        if (!described_ && piece.offset != expected_) {
            if (home_->is(takes_gaps)) return {};
            if (home_->is(goes_on_after_an_error)) return error{errc::invalid_option, 0, "a gap"};
        }
        if (described_ && home_->is(refuses_repeats)) {
            for (const chunk& each : written_) {
                if (each.section == piece.section && each.offset == piece.offset)
                    return error{errc::invalid_option, 0, "again"};
            }
        }
        chunk copy{piece.section, piece.offset, piece.bytes.share(), false, false};
        const result<void> written = inner_.write(piece);
        if (!written && home_->is(takes_anything)) return {};
        if (!written) return written;
        expected_ += piece.bytes.size();
        bytes_ += piece.bytes.size();
        written_.push_back(std::move(copy));
        return {};
    }
    result<snapshot_manifest> publish() {
        using enum store_defect;
        if (!live_ && home_->is(publishes_moved_from)) return asked_;
        if (published_ && home_->is(publishes_twice)) return *published_;
        if (!home_->call()) return error{errc::io, 5, "no power"};
        if (home_->is(refuses_small_chunks) && asked_.chunk_bytes == 1) return refused();
        if (home_->is(refuses_nothing) && bytes_ == 0) return refused();
        if (home_->is(publishes_half))
            home_->platter[store_home::key(asked_.meta.id)] = {asked_, {}};
        if (home_->is(ends_by_itself) && !described_) {
            (void)inner_.begin_section(conform::section_named(9));
            (void)inner_.write({static_cast<u32>(1), 0, {}, true, true});
        }
        if (home_->is(publishes_half) && !home_->call()) return error{errc::io, 5, "no power"};
        result<snapshot_manifest> made = inner_.publish();
        if (!made) {
            if (!home_->is(publishes_damage) || !live_) return made;
            home_->phantoms.push_back(asked_);
            return asked_;
        }
        home_->make_durable(*made);
        if (home_->is(hides_published)) (void)home_->inner.remove(made->meta.id);
        if (home_->is(tells_no_sections)) made->sections.clear();
        if (home_->is(changes_the_manifest)) ++made->created_at_unix_ms;
        published_ = *made;
        return made;
    }
    void took(duration time) noexcept {
        if (!home_->is(store_defect::forgets_the_time)) inner_.took(time);
    }
    result<u64> recheck() {
        if (pending_.empty()) return u64{0};
        const chunk next = std::move(pending_.back());
        pending_.pop_back();
        if (!home_->is(store_defect::loses_staged)) (void)write(next);
        return u64{next.bytes.size()};
    }
    bool holds(u32 section, u64 offset, u64 bytes) const noexcept {
        u64 held = 0;
        for (const chunk& each : written_) {
            const bool inside = each.section == section && each.offset >= offset &&
                                each.offset + each.bytes.size() <= offset + bytes;
            held += inside ? each.bytes.size() : 0;
        }
        return held >= bytes;
    }
    result<void> suspend() {
        if (home_->is(store_defect::suspends_never)) return error{errc::io, 0, "no"};
        if (home_->is(store_defect::lists_suspended)) home_->phantoms.push_back(asked_);
        if (home_->is(store_defect::spoils_resumed)) *written_.back().bytes.data() ^= std::byte{1};
        home_->staged[store_home::key(asked_.meta.id)] = std::move(written_);
        live_ = false;
        return {};
    }

private:
    static error refused() { return {errc::invalid_option, 0, "refused"}; }

    std::shared_ptr<store_home> home_;
    memory_snapshots::writer inner_;
    snapshot_manifest asked_;
    std::vector<chunk> written_, pending_;
    std::optional<snapshot_manifest> published_;
    u64 expected_ = 0, bytes_ = 0;
    bool described_ = false, live_ = true;
};

class crooked_store_reader {
public:
    crooked_store_reader(std::shared_ptr<store_home> home,
                         std::optional<memory_snapshots::reader> inner, snapshot_id id)
        : home_(std::move(home)), inner_(std::move(inner)), id_(id) {}

    const snapshot_manifest& manifest() const noexcept {
        return inner_ ? inner_->manifest() : none_;
    }
    result<chunk> read(u32 section, u64 offset, u32 bytes_max) {
        using enum store_defect;
        if (!inner_) return error{errc::not_found, 0, "half"};
        if (home_->is(ends_readers) && !home_->inner.open(id_)) return error{errc::io, 0, "gone"};
        result<chunk> made = inner_->read(section, offset, bytes_max);
        if (!made && home_->is(reads_outside)) return chunk{};
        if (!made) return made;
        if (home_->is(fails_at_the_end) && made->bytes.empty() && offset != 0)
            return error{errc::invalid_option, 0, "the end"};
        const bool installed = manifest().meta.origin == snapshot_origin::installed;
        const bool was_settled =
            std::find(home_->settled.begin(), home_->settled.end(), id_) != home_->settled.end();
        const bool spoilt = (home_->is(spoils_saves) && !installed) ||
                            (home_->is(spoils_installs) && installed) ||
                            (home_->is(spoils_settled) && was_settled) ||
                            (home_->is(spoils_at_restart) && home_->restarted);
        if (spoilt && !made->bytes.empty()) *made->bytes.data() ^= std::byte{1};
        return made;
    }

private:
    std::shared_ptr<store_home> home_;
    std::optional<memory_snapshots::reader> inner_;
    snapshot_id id_;
    snapshot_manifest none_;
};

class crooked_store {
public:
    using writer = crooked_store_writer;
    using reader = crooked_store_reader;

    explicit crooked_store(std::shared_ptr<store_home> home) : home_(std::move(home)) {}

    result<store_report> recover(const identity& who) {
        result<store_report> seen = home_->inner.recover(who);
        if (home_->is(store_defect::finds_what_is_not_there)) ++seen->published;
        return seen;
    }
    result<writer> create(const snapshot_manifest& asked) {
        using enum store_defect;
        const bool known =
            std::find(home_->ids.begin(), home_->ids.end(), asked.meta.id) != home_->ids.end();
        if (home_->is(remembers_ids) && known) return error{errc::invalid_option, 0, "known"};
        home_->ids.push_back(asked.meta.id);
        if (home_->is(replaces)) (void)home_->inner.remove(asked.meta.id);
        snapshot_manifest given = asked;
        if (home_->is(loses_the_configuration)) given.meta.members = {};
        auto inner = home_->inner.create(given);
        if (!inner) return inner.why();
        if (home_->is(lists_unpublished)) home_->phantoms.push_back(asked);
        return writer(home_, std::move(*inner), asked);
    }
    result<reader> open(snapshot_id id) {
        auto inner = home_->inner.open(id);
        if (inner) return reader(home_, std::move(*inner), id);
        if (home_->is(store_defect::opens_half)) return reader(home_, std::nullopt, id);
        return inner.why();
    }
    result<std::vector<snapshot_manifest>> list() {
        using enum store_defect;
        auto all = home_->inner.list();
        for (const snapshot_manifest& each : home_->phantoms) all->push_back(each);
        if (home_->is(lists_what_is_not_there) && all->empty()) all->emplace_back();
        if (home_->is(lists_oldest_first)) std::reverse(all->begin(), all->end());
        for (snapshot_manifest& each : *all) {
            if (home_->is(tells_otherwise)) each.took = seconds(1);
        }
        return all;
    }
    result<void> remove(snapshot_id id) {
        if (home_->is(store_defect::keeps_removed) && home_->inner.open(id)) return {};
        home_->platter.erase(store_home::key(id));
        const result<void> removed = home_->inner.remove(id);
        return home_->is(store_defect::removes_the_unknown) ? result<void>() : removed;
    }
    result<void> settle(snapshot_id id) {
        if (home_->is(store_defect::ignores_settle) && home_->inner.open(id)) return {};
        home_->settled.push_back(id);
        return home_->inner.settle(id);
    }
    result<void> quarantine(snapshot_id id) {
        return home_->is(store_defect::ignores_quarantine) ? result<void>() : remove(id);
    }
    result<void> forget_staged() {
        if (!home_->is(store_defect::remembers_forgotten)) home_->staged.clear();
        return {};
    }

private:
    std::shared_ptr<store_home> home_;
};
static_assert(snapshot_store<crooked_store> && resumable_writer<crooked_store_writer> &&
              forgetting_store<crooked_store> && timed_writer<crooked_store_writer>);

struct crooked_store_places {
    store_defect how;
    std::shared_ptr<store_home> home;
    crooked_store fresh() {
        home = std::make_shared<store_home>();
        home->how = how;
        return crooked_store(home);
    }
    crooked_store again() {
        using enum store_defect;
        if (home->powerless || home->calls_left != 0) home->start_over();
        home->restarted = true;
        if (home->is(forgets_at_restart)) home->inner = memory_snapshots();
        if (home->is(settles_at_restart)) {
            const auto all = home->inner.list();
            for (const snapshot_manifest& each : *all) (void)home->inner.settle(each.meta.id);
        }
        return crooked_store(home);
    }
    void crash(u32 n) {
        home->powerless = n == 0;
        home->calls_left = n;
    }
};

}  // namespace conform_support
