#pragma once
// How a file store finds itself after a crash; the bodies of basic_file_snapshots::recover
// (file.hpp).
//
//   snap-<id> with a manifest that verifies,    listed
//      and sections of its lengths
//   snap-<id> without                           set aside as *.corrupt, reported
//   snap-<id> of a newer format                 incompatible: refuse, change nothing
//   staging-<id> of an install, the newest,     kept for a writer of the same snapshot
//      and newer than what is listed
//   other staging-*, trash-*                    removed
//   anything else                               not ours: left alone
//
// A rename may have happened without being durable when the process died; the log must not be
// compacted because of it. So the directory is synced before anything is listed, and before the
// files of trash are touched.

#include <raftkit/snapshot/store/file.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Files>
result<store_report> basic_file_snapshots<Files>::recover(const identity&) noexcept {
    if (shelf_->ready()) return error{errc::busy, 0, "snapshot store: recover() runs once"};
    const result<void> prepared = prepare_directory();
    if (!prepared) return prepared.why();
    auto lock = files().lock(shelf_->root + "/" + snapshot_disk::store_lock_name);
    if (!lock) return lock.why();
    const result<std::vector<std::string>> names = files().list(shelf_->root);
    if (!names) return names.why();
    result<std::vector<inspected>> seen = inspect(*names);
    if (!seen) return seen.why();
    result<store_report> report = clean(*names, std::move(*seen));
    if (!report) {
        shelf_->kept.clear();
        return report;
    }
    shelf_->lock.emplace(std::move(*lock));
    return report;
}

template <class Files>
result<void> basic_file_snapshots<Files>::prepare_directory() noexcept {
    const result<void> made = files().make_directory(shelf_->root);
    if (!made) return made;
    const std::size_t slash = shelf_->root.find_last_of('/');
    const std::string parent =
        slash == std::string::npos ? std::string(".") : shelf_->root.substr(0, slash + 1);
    return files().sync_directory(parent);
}

// Looks at every published directory and changes nothing. Damage is a result; a disk that can't be
// read is an error.
template <class Files>
result<std::vector<typename basic_file_snapshots<Files>::inspected>>
basic_file_snapshots<Files>::inspect(const std::vector<std::string>& names) noexcept {
    std::vector<inspected> seen;
    for (const std::string& name : names) {
        const std::optional<snapshot_id> id = snapshot_disk::published_id(name);
        if (!id) continue;
        result<snapshot_manifest> manifest = load(shelf_->root + "/" + name, *id);
        if (!manifest && manifest.why().code != errc::corrupt) {
            error why = manifest.why();
            if (why.detail == 0) why.detail = id->at.index.value;
            return why;
        }
        seen.push_back({name, *id, std::move(manifest)});
    }
    return seen;
}

template <class Files>
result<snapshot_manifest> basic_file_snapshots<Files>::load(const std::string& directory,
                                                            snapshot_id id) noexcept {
    const result<std::vector<std::string>> names = files().list(directory);
    if (!names) {  // a file under a snapshot's name is not a snapshot
        if (names.why().os != ENOTDIR) return names.why();
        return error{errc::corrupt, 0, "snapshot store: not a directory"};
    }
    const auto has = [&](const char* name) {
        return std::find(names->begin(), names->end(), name) != names->end();
    };
    if (!has(snapshot_disk::manifest_name))
        return error{errc::corrupt, 0, "snapshot store: no manifest"};
    const result<std::vector<std::byte>> bytes =
        load_manifest_bytes(directory + "/" + snapshot_disk::manifest_name);
    if (!bytes) return bytes.why();
    result<snapshot_manifest> manifest = decode_manifest(*bytes);
    if (!manifest) return manifest;
    if (manifest->meta.id != id)
        return error{errc::corrupt, 0, "snapshot store: the manifest of another snapshot"};
    const result<void> checked = check_sections(directory, *manifest);
    if (!checked) return checked.why();
    if (manifest->meta.installing && !has(snapshot_disk::installing_name)) {
        // Settled, perhaps a moment before the process died: it must not come back marked.
        const result<void> synced = files().sync_directory(directory);
        if (!synced) return synced.why();
        manifest->meta.installing = false;
    }
    return manifest;
}

template <class Files>
result<std::vector<std::byte>> basic_file_snapshots<Files>::load_manifest_bytes(
    const std::string& path) noexcept {
    auto file = files().open(path, {});
    if (!file) return file.why();
    const result<u64> size = files().size(*file);
    if (!size) return size.why();
    if (*size > manifest_bytes_max)
        return error{errc::corrupt, 0, "snapshot store: a manifest above 16 MiB", *size};
    std::vector<std::byte> bytes(static_cast<std::size_t>(*size));
    const result<u64> got = files().read_at(*file, 0, bytes);
    if (!got) return got.why();
    if (*got != *size)
        return error{errc::corrupt, 0, "snapshot store: the manifest ends early", *got};
    return bytes;
}

// Contents are checked chunk by chunk when they are read; here, that every section is there, whole.
template <class Files>
result<void> basic_file_snapshots<Files>::check_sections(const std::string& directory,
                                                         const snapshot_manifest& of) noexcept {
    for (u32 section = 0; section < of.sections.size(); ++section) {
        auto file = files().open(directory + "/" + snapshot_disk::section_file_name(section), {});
        if (!file && file.why().code != errc::not_found) return file.why();
        if (!file) return error{errc::corrupt, 0, "snapshot store: a section is missing", section};
        const result<u64> size = files().size(*file);
        if (!size) return size.why();
        if (*size != snapshot_disk::stored_bytes(of.sections[section].bytes, of.chunk_bytes)) {
            return error{errc::corrupt, 0, "snapshot store: a section of a wrong length", *size};
        }
    }
    return {};
}

// Renames `from` to the first free name for damage. `to` may be `from`.
template <class Files>
result<void> basic_file_snapshots<Files>::set_aside(const std::string& from,
                                                    std::string& to) noexcept {
    const result<std::vector<std::string>> names = files().list(shelf_->root);
    if (!names) return names.why();
    const std::string plain = from + ".corrupt";
    std::string target = plain;
    const auto taken = [&] {
        const std::string name = target.substr(shelf_->root.size() + 1);
        return std::find(names->begin(), names->end(), name) != names->end();
    };
    for (u64 serial = 2; taken(); ++serial) target = plain + "-" + std::to_string(serial);
    const result<void> renamed = snapshot_disk::move_directory(files(), from, target);
    if (!renamed) return renamed;
    to = std::move(target);
    return {};
}

// The newest install that the last process was in the middle of. Whatever is wrong with one, it is
// only worth its space.
template <class Files>
std::optional<snapshot_manifest> basic_file_snapshots<Files>::find_resumable(
    const std::vector<std::string>& names) noexcept {
    std::optional<snapshot_manifest> found;
    for (const std::string& name : names) {
        const auto id = snapshot_disk::id_in(name, snapshot_disk::staging_prefix);
        if (!id || (found && older(*id, found->meta.id))) continue;
        if (!shelf_->kept.empty() && !older(shelf_->kept.front().manifest.meta.id, *id)) continue;
        const result<std::vector<std::byte>> bytes =
            load_manifest_bytes(shelf_->root + "/" + name + "/" + snapshot_disk::manifest_name);
        if (!bytes) continue;
        result<snapshot_manifest> staged = decode_manifest(*bytes);
        if (!staged || staged->meta.id != *id) continue;
        if (staged->meta.origin == snapshot_origin::installed) found = std::move(*staged);
    }
    return found;
}

template <class Files>
result<store_report> basic_file_snapshots<Files>::clean(const std::vector<std::string>& names,
                                                        std::vector<inspected> seen) noexcept {
    store_report report;
    shelf_->serial = names.size();
    for (inspected& each : seen) {
        const std::string directory = shelf_->root + "/" + each.name;
        if (each.manifest) {
            shelf_->insert(std::move(*each.manifest), directory);
            ++report.published;
            continue;
        }
        const error why = each.manifest.why();
        std::string aside;
        const result<void> moved = set_aside(directory, aside);
        if (!moved) return moved.why();
        ++report.quarantined;
        report.found.push_back({damaged_part::snapshot, each.id.at.index, each.id.at.index,
                                why.detail, why.where, aside});
    }
    const result<void> synced = files().sync_directory(shelf_->root);
    if (!synced) return synced.why();
    std::string resumable;
    shelf_->suspended = find_resumable(names);
    if (shelf_->suspended) {
        resumable = std::string(snapshot_disk::staging_prefix) +
                    snapshot_disk::name_of(shelf_->suspended->meta.id);
        ++report.resumable;
    }
    for (const std::string& name : names) {
        if (name == resumable) continue;
        const bool staging = name.starts_with(snapshot_disk::staging_prefix),
                   trash = name.starts_with(snapshot_disk::trash_prefix);
        if (!staging && !trash) continue;
        ++report.removed;
        const std::string directory = shelf_->root + "/" + name;
        if (shelf_->reclaim(directory)) continue;
        shelf_->trash.push_back(
            std::make_shared<snapshot_disk::stored_place>());  // later calls try again: it only
                                                               // costs space
        shelf_->trash.back()->directory = directory;
    }
    return report;
}

static_assert(snapshot_store<file_snapshots> && quarantining_store<file_snapshots> &&
              measured_store<file_snapshots> && locating_store<file_snapshots> &&
              resumable_writer<file_snapshots::writer>);

RAFTKIT_NAMESPACE_END
