#pragma once
// Snapshots as directories of files (design §10; the layout is in file_layout.hpp). A template over
// `Files`, so that the simulator runs this very store on a disk that tears, loses and crashes.
//
//   create ─▶ staging-<id> ─▶ publish: sync, manifest, sync, rename, sync ─▶ snap-<id> ─▶ open,
//               │       │                                                    │     │      list
//   error, drop │       │ suspend, crash                               remove│     │quarantine
//               ▼       ▼                                                    ▼     ▼
//            removed  an install waits to be gone on with             trash-<id>  snap-<id>.corrupt
//
// Every change of what is visible is one rename, or one unlink of a marker, and is synced before
// the call returns.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/io/files.hpp>
#include <raftkit/snapshot/store/file_reader.hpp>
#include <raftkit/snapshot/store/file_shelf.hpp>
#include <raftkit/snapshot/store/file_writer.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Files>
class basic_file_snapshots {
public:
    using writer = snapshot_disk::file_snapshot_writer<Files>;
    using reader = snapshot_disk::file_snapshot_reader<Files>;

    // `directory`: its own, e.g. "data/snap"; it is created below an existing one.
    explicit basic_file_snapshots(std::string directory, Files files = {}) noexcept
        : shelf_(std::make_shared<snapshot_disk::file_shelf<Files>>(std::move(files),
                                                                    std::move(directory))) {}

    // Once, first. `incompatible`, and nothing is touched, if a newer version wrote one of the
    // snapshots.
    result<store_report> recover(const identity& who) noexcept;
    result<writer> create(const snapshot_manifest& asked) noexcept;
    result<reader> open(snapshot_id id) noexcept;
    result<std::vector<snapshot_manifest>> list() noexcept;
    result<void> remove(snapshot_id id) noexcept;
    result<void> settle(snapshot_id id) noexcept;
    result<void> quarantine(snapshot_id id) noexcept;
    result<void> forget_staged() noexcept;  // of an install that nobody went on with
    result<u64> free_bytes() noexcept;
    std::string file_of(snapshot_id id, u32 section) const {
        return shelf_->path(snapshot_disk::published_prefix, id) + "/" +
               snapshot_disk::section_file_name(section);
    }

private:
    using shelf = snapshot_disk::file_shelf<Files>;
    struct inspected {
        std::string name;
        snapshot_id id;
        result<snapshot_manifest> manifest;
    };

    Files& files() noexcept { return shelf_->files; }
    result<void> prepare_directory() noexcept;
    result<std::vector<inspected>> inspect(const std::vector<std::string>& names) noexcept;
    result<snapshot_manifest> load(const std::string& directory, snapshot_id id) noexcept;
    result<std::vector<std::byte>> load_manifest_bytes(const std::string& path) noexcept;
    result<void> check_sections(const std::string& directory, const snapshot_manifest& of) noexcept;
    std::optional<snapshot_manifest> find_resumable(const std::vector<std::string>& names) noexcept;
    result<void> set_aside(const std::string& from, std::string& to) noexcept;
    result<store_report> clean(const std::vector<std::string>& names,
                               std::vector<inspected> seen) noexcept;
    static error not_ready() noexcept {
        return {errc::not_started, 0, "snapshot store: recover() comes first"};
    }
    static error not_there(snapshot_id id) noexcept {
        return {errc::not_found, 0, "snapshot store: no such snapshot", id.at.index.value};
    }

    std::shared_ptr<shelf> shelf_;
};

using file_snapshots = basic_file_snapshots<posix_files>;

template <class Files>
result<typename basic_file_snapshots<Files>::writer> basic_file_snapshots<Files>::create(
    const snapshot_manifest& asked) noexcept {
    if (!shelf_->ready()) return not_ready();
    shelf_->sweep();
    const snapshot_id id = asked.meta.id;
    if (shelf_->place_of(id) < shelf_->kept.size()) {
        return error{errc::invalid_option, 0, "snapshot.create: that id is stored",
                     id.at.index.value};
    }
    if (std::find(shelf_->staged.begin(), shelf_->staged.end(), id) != shelf_->staged.end()) {
        return error{errc::busy, 0, "snapshot.create: that id is being written", id.at.index.value};
    }
    result<snapshot_draft> draft = snapshot_draft::of(asked);
    if (!draft) return draft.why();
    return writer::begin(shelf_, std::move(*draft));
}

template <class Files>
result<typename basic_file_snapshots<Files>::reader> basic_file_snapshots<Files>::open(
    snapshot_id id) noexcept {
    if (!shelf_->ready()) return not_ready();
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size()) return not_there(id);
    return reader(files(), shelf_->kept[at].place, shelf_->kept[at].manifest);
}

template <class Files>
result<std::vector<snapshot_manifest>> basic_file_snapshots<Files>::list() noexcept {
    if (!shelf_->ready()) return not_ready();
    shelf_->sweep();
    std::vector<snapshot_manifest> listed;
    listed.reserve(shelf_->kept.size());
    for (const auto& each : shelf_->kept) listed.push_back(each.manifest);
    return listed;
}

template <class Files>
result<void> basic_file_snapshots<Files>::remove(snapshot_id id) noexcept {
    if (!shelf_->ready()) return not_ready();
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size()) return not_there(id);
    const std::shared_ptr<snapshot_disk::stored_place> place = shelf_->kept[at].place;
    const std::string listed_as = place->directory;
    const result<void> moved = shelf_->move_to_trash(place, id);
    if (moved || place->directory != listed_as) {
        shelf_->kept.erase(shelf_->kept.begin() + static_cast<std::ptrdiff_t>(at));
    }
    if (moved) shelf_->sweep();
    return moved;
}

// The marker is a file of its own: unlinking it is atomic, and works on a full disk.
template <class Files>
result<void> basic_file_snapshots<Files>::settle(snapshot_id id) noexcept {
    if (!shelf_->ready()) return not_ready();
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size()) return not_there(id);
    snapshot_meta& meta = shelf_->kept[at].manifest.meta;
    if (!meta.installing) return {};
    const std::string& directory = shelf_->kept[at].place->directory;
    const result<void> removed = files().remove(directory + "/" + snapshot_disk::installing_name);
    if (!removed && removed.why().code != errc::not_found) return removed;
    const result<void> synced = files().sync_directory(directory);
    if (!synced) return synced;
    meta.installing = false;
    return {};
}

template <class Files>
result<void> basic_file_snapshots<Files>::quarantine(snapshot_id id) noexcept {
    if (!shelf_->ready()) return not_ready();
    const std::size_t at = shelf_->place_of(id);
    if (at == shelf_->kept.size()) return not_there(id);
    const std::shared_ptr<snapshot_disk::stored_place> place = shelf_->kept[at].place;
    const result<void> moved = set_aside(place->directory, place->directory);
    if (!moved) return moved;
    shelf_->kept.erase(shelf_->kept.begin() + static_cast<std::ptrdiff_t>(at));
    return files().sync_directory(shelf_->root);
}

template <class Files>
result<void> basic_file_snapshots<Files>::forget_staged() noexcept {
    if (!shelf_->ready()) return not_ready();
    shelf_->drop_suspended();
    return {};
}

template <class Files>
result<u64> basic_file_snapshots<Files>::free_bytes() noexcept {
    if (!shelf_->ready()) return not_ready();
    shelf_->sweep();
    return files().free_bytes(shelf_->root);
}

RAFTKIT_NAMESPACE_END

#include <raftkit/snapshot/store/file_recover.hpp>
