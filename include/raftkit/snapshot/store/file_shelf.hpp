#pragma once
// What a file store, its writers and its readers share: the listed snapshots, the names being
// staged, and what waits to be reclaimed. One work thread uses it; readers are counted atomically,
// as they may end elsewhere, and after the store.

#include <algorithm>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/result.hpp>
#include <raftkit/snapshot/manifest.hpp>
#include <raftkit/snapshot/store/file_layout.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace snapshot_disk {

// Where a snapshot stands now, and who reads it.
struct stored_place {
    std::string directory;
    std::atomic<u32> readers{0};
};

template <class Files>
struct file_shelf {
    struct listed {
        snapshot_manifest manifest;
        std::shared_ptr<stored_place> place;
    };

    Files files;
    std::string root;
    std::optional<typename Files::handle> lock;  // held from recover() on
    std::vector<listed> kept;                    // newest first
    std::vector<snapshot_id> staged;
    // An install that ended early, of this process or the last: its staging waits for a writer.
    std::optional<snapshot_manifest> suspended;
    std::vector<std::shared_ptr<stored_place>> trash;
    bool renames_synced = true;  // into trash
    u64 serial = 0;

    file_shelf(Files with, std::string directory) noexcept
        : files(std::move(with)), root(std::move(directory)) {}

    bool ready() const noexcept { return lock.has_value(); }
    std::string path(std::string_view prefix, snapshot_id id) const {
        return root + "/" + std::string(prefix) + name_of(id);
    }
    std::size_t place_of(snapshot_id id) const noexcept {
        std::size_t at = 0;
        while (at < kept.size() && kept[at].manifest.meta.id != id) ++at;
        return at;
    }
    void insert(snapshot_manifest manifest, std::string directory) {
        const auto at = std::find_if(kept.begin(), kept.end(), [&](const listed& each) {
            return older(each.manifest.meta.id, manifest.meta.id);
        });
        auto place = std::make_shared<stored_place>();
        place->directory = std::move(directory);
        kept.insert(at, listed{std::move(manifest), std::move(place)});
    }

    // Requires: no writer stages its id.
    void drop_suspended() noexcept {
        if (!suspended) return;
        auto gone = std::make_shared<stored_place>();
        gone->directory = path(staging_prefix, suspended->meta.id);
        suspended.reset();
        if (!reclaim(gone->directory)) trash.push_back(std::move(gone));
    }

    // Takes a directory out of sight. Its files are touched only after the new name is durable: a
    // power cut must not bring back the old name with half of its bytes.
    result<void> move_to_trash(std::shared_ptr<stored_place> gone, snapshot_id id) noexcept {
        std::string into = path(trash_prefix, id) + "-" + std::to_string(++serial);
        const result<void> renamed = move_directory(files, gone->directory, into);
        if (!renamed) return renamed;
        gone->directory = std::move(into);
        trash.push_back(std::move(gone));
        renames_synced = false;
        return sync_trash();
    }
    result<void> sync_trash() noexcept {
        if (renames_synced) return {};
        const result<void> synced = files.sync_directory(root);
        renames_synced = bool(synced);
        return synced;
    }

    // Gives back the space of what nobody reads any more. Failures are retried by the next call, at
    // last by the next recover(): they cost space, nothing else.
    void sweep() noexcept {
        if (trash.empty() || !sync_trash()) return;
        std::erase_if(trash, [&](const std::shared_ptr<stored_place>& each) {
            return each->readers.load(std::memory_order_acquire) == 0 && reclaim(each->directory);
        });
    }

    bool reclaim(const std::string& directory) noexcept {
        const result<std::vector<std::string>> names = files.list(directory);
        if (names) {
            for (const std::string& each : *names) shrink(directory + "/" + each);
        }
        return bool(remove_tree(files, directory));
    }

private:
    void shrink(const std::string& path) noexcept {
        auto file = files.open(path, {.write = true});
        if (!file) return;
        const result<u64> size = files.size(*file);
        if (!size) return;
        for (u64 left = *size; left > shrink_step_bytes;) {
            left -= shrink_step_bytes;
            if (!files.truncate(*file, left)) return;
        }
    }
};

}  // namespace snapshot_disk

RAFTKIT_NAMESPACE_END
