#pragma once
// A snapshot store of one's own: snapshots in the memory of the program, each section one piece.
// The cabinet outlives the nodes that use it, so a restarted node finds what it had published.

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/manifest.hpp>

namespace custom {

using raftkit::errc;
using raftkit::error;
using raftkit::result;

struct volume {
    raftkit::snapshot_manifest manifest;
    std::vector<std::vector<std::byte>> sections;
};

// Newest first. A volume does not change once it stands here: readers share it.
using volumes = std::vector<std::shared_ptr<const volume>>;

class cabinet_writer {
public:
    // A manifest that names sections describes an install: its pieces come in any order. One
    // without is a save: sections and chunks come as they are, one after another.
    cabinet_writer(std::shared_ptr<volumes> to, raftkit::snapshot_manifest asked)
        : to_(std::move(to)), described_(!asked.sections.empty()) {
        for (const raftkit::section_meta& each : asked.sections) {
            made_.sections.emplace_back(each.bytes);
            missing_.emplace_back(each.bytes, true);
        }
        made_.manifest = std::move(asked);
    }

    result<void> begin_section(const raftkit::section_meta& of) {
        if (to_ == nullptr) return ended();
        if (described_) return {};
        if (!made_.sections.empty() && !section_ended_) return refuse("a section inside a section");
        made_.manifest.sections.push_back(of);
        made_.sections.emplace_back();
        section_ended_ = false;
        return {};
    }
    result<void> write(const raftkit::chunk& piece) {
        if (to_ == nullptr) return ended();
        const raftkit::byte_span bytes = piece.bytes.bytes();
        if (described_) return place(piece.section, piece.offset, bytes);
        if (section_ended_ || piece.section + 1 != made_.sections.size() ||
            piece.offset != made_.sections.back().size()) {
            return refuse("a chunk out of order");
        }
        made_.sections.back().insert(made_.sections.back().end(), bytes.begin(), bytes.end());
        section_ended_ = piece.end_of_section;
        ended_ = piece.end;
        return {};
    }
    result<raftkit::snapshot_manifest> publish() {
        if (to_ == nullptr) return ended();
        const std::shared_ptr<volumes> to = std::exchange(to_, nullptr);
        if (described_ ? !whole() : !ended_) return incomplete();
        for (std::size_t i = 0; i < made_.sections.size(); ++i) {
            raftkit::digest128_builder digest;
            digest.update(made_.sections[i]);
            raftkit::section_meta& section = made_.manifest.sections[i];
            if (described_ && section.digest != digest.finish())
                return error{errc::corrupt, 0, "cabinet: a section is not what the leader has", i};
            section.digest = digest.finish();
            section.bytes = made_.sections[i].size();
        }
        raftkit::snapshot_meta& meta = made_.manifest.meta;
        meta.sections = static_cast<raftkit::u32>(made_.sections.size());
        meta.bytes = raftkit::bytes_of(made_.manifest.sections);
        meta.digest = raftkit::digest_of(made_.manifest.sections);
        const auto behind = std::find_if(to->begin(), to->end(), [&](const auto& each) {
            return !older(meta.id, each->manifest.meta.id);
        });
        if (behind != to->end() && (*behind)->manifest.meta.id == meta.id)
            return error{errc::invalid_option, 0, "cabinet: that id is stored"};
        raftkit::snapshot_manifest told = made_.manifest;
        to->insert(behind, std::make_shared<const volume>(std::move(made_)));
        return told;
    }

private:
    static error ended() { return {errc::invalid_option, 0, "cabinet: the writer has ended"}; }
    static error incomplete() { return {errc::corrupt, 0, "cabinet: not all of it came"}; }
    // The first error is the last: a half written volume can't become a whole one.
    error refuse(const char* why) {
        to_ = nullptr;
        return {errc::invalid_option, 0, why};
    }
    bool whole() const {
        return std::all_of(missing_.begin(), missing_.end(), [](const std::vector<bool>& each) {
            return std::find(each.begin(), each.end(), true) == each.end();
        });
    }
    result<void> place(raftkit::u32 section, raftkit::u64 offset, raftkit::byte_span bytes) {
        if (section >= made_.sections.size()) return refuse("a section that is not described");
        std::vector<std::byte>& into = made_.sections[section];
        if (offset > into.size() || bytes.size() > into.size() - offset)
            return refuse("a piece outside of its section");
        const auto at = static_cast<std::ptrdiff_t>(offset);
        const auto size = static_cast<std::ptrdiff_t>(bytes.size());
        std::copy(bytes.begin(), bytes.end(), into.begin() + at);
        std::fill_n(missing_[section].begin() + at, size, false);
        return {};
    }

    std::shared_ptr<volumes> to_;  // null: it has ended
    volume made_;
    std::vector<std::vector<bool>> missing_;
    bool described_, section_ended_ = true, ended_ = false;
};

class cabinet_reader {
public:
    explicit cabinet_reader(std::shared_ptr<const volume> of) : of_(std::move(of)) {}

    const raftkit::snapshot_manifest& manifest() const noexcept { return of_->manifest; }
    result<raftkit::chunk> read(raftkit::u32 section, raftkit::u64 offset, raftkit::u32 bytes_max) {
        if (section >= of_->sections.size() || offset > of_->sections[section].size() ||
            bytes_max == 0) {
            return error{errc::invalid_option, 0, "cabinet: outside of the snapshot", offset};
        }
        const raftkit::byte_span rest =
            raftkit::byte_span(of_->sections[section]).subspan(static_cast<std::size_t>(offset));
        const std::size_t size = std::min<std::size_t>(rest.size(), bytes_max);
        const bool ends = size == rest.size();
        return raftkit::chunk{section, offset, raftkit::buffer::copy_of(rest.first(size)), ends,
                              ends && section + 1 == of_->sections.size()};
    }

private:
    std::shared_ptr<const volume> of_;
};

class cabinet {
public:
    using writer = cabinet_writer;
    using reader = cabinet_reader;

    cabinet() : volumes_(std::make_shared<volumes>()) {}

    result<raftkit::store_report> recover(const raftkit::identity&) {
        raftkit::store_report seen;
        seen.published = static_cast<raftkit::u32>(volumes_->size());
        return seen;
    }
    result<writer> create(const raftkit::snapshot_manifest& asked) {
        if (find(asked.meta.id) != volumes_->end())
            return error{errc::invalid_option, 0, "cabinet: that id is stored"};
        return writer(volumes_, asked);
    }
    result<reader> open(raftkit::snapshot_id id) {
        const auto found = find(id);
        if (found == volumes_->end()) return unknown(id);
        return reader(*found);
    }
    result<std::vector<raftkit::snapshot_manifest>> list() {
        std::vector<raftkit::snapshot_manifest> all;
        for (const auto& each : *volumes_) all.push_back(each->manifest);
        return all;
    }
    result<void> remove(raftkit::snapshot_id id) {
        const auto found = find(id);
        if (found == volumes_->end()) return unknown(id);
        volumes_->erase(found);
        return {};
    }
    result<void> settle(raftkit::snapshot_id id) {
        const auto found = find(id);
        if (found == volumes_->end()) return unknown(id);
        volume settled = **found;
        settled.manifest.meta.installing = false;
        *found = std::make_shared<const volume>(std::move(settled));
        return {};
    }

private:
    static error unknown(raftkit::snapshot_id id) {
        return {errc::not_found, 0, "cabinet: no such snapshot", id.at.index.value};
    }
    volumes::iterator find(raftkit::snapshot_id id) {
        return std::find_if(volumes_->begin(), volumes_->end(),
                            [id](const auto& each) { return each->manifest.meta.id == id; });
    }

    std::shared_ptr<volumes> volumes_;
};
static_assert(raftkit::snapshot_store<cabinet>);

}  // namespace custom
