#pragma once
// The bodies of disk.hpp: what each call does to names and contents, and where crashes and faults
// strike it.

#include <algorithm>

#include <raftkit/testing/sim/disk.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

// ---- faults ------------------------------------------------------------------------------------

// The fault that this call meets; null: none.
inline const sim_disk::fault* sim_disk::due_fault(disk_call kind, const std::string& path) {
    for (fault& each : faults_) {
        if (each.kind != kind || path.find(each.of) == std::string::npos) continue;
        if (each.per_million != 0) {
            if (random_.chance(each.per_million)) return &each;
            continue;
        }
        if (each.times == 0) continue;  // spent
        if (each.nth > 1) {
            --each.nth;
            continue;
        }
        --each.times;
        return &each;
    }
    return nullptr;
}

// Counts the call and judges it.
inline sim_disk::verdict sim_disk::begin(disk_call kind, const std::string& path, u64 offset,
                                         u64 bytes) {
    constexpr error gone{errc::io, ESHUTDOWN, "testing/sim/disk: the process has crashed"};
    verdict judged;
    if (crashed_) return {gone};
    ++calls_;
    ++counts_[static_cast<std::size_t>(kind)];
    if (crash_in_ != 0 && --crash_in_ == 0) {
        crashed_ = true;
        judged = {gone, crash_moment_ == crash_moment::inside};
        judged.torn = tear_ && kind == disk_call::write;
        crashed_in_ = {kind, path, offset, bytes, gone};
    } else if (const fault* met = due_fault(kind, path)) {
        if (met->os == lies) {
            judged.lost = true;
        } else {
            judged = {raftkit::detail::file_error("testing/sim/disk: injected", met->os), true,
                      true};
        }
    }
    if (tracing_) trace_.push_back({kind, path, offset, bytes, judged.why});
    return judged;
}

inline void sim_disk::end_process() noexcept {
    ++life_;
    crashed_ = false;
    crash_in_ = 0;
    tear_.reset();
}

inline void sim_disk::process_crash() {
    const std::lock_guard<std::mutex> hold(guard_);
    end_process();  // locks name the life that took them
}

inline void sim_disk::power_cut(power_cut_odds odds) {
    const std::lock_guard<std::mutex> hold(guard_);
    end_process();
    tree_.power_cut(random_, odds);
}

inline error sim_disk::handle_error(const sim_file& file, const char* where) const noexcept {
    if (file.node_ == nullptr || file.life_ != life_) return {errc::io, EBADF, where};
    return {};
}

// ---- files -------------------------------------------------------------------------------------

inline sim_file::~sim_file() {
    if (disk_ == nullptr) return;
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    if (locks_ && node_->locked_by_life == life_) node_->locked_by_life = 0;
    node_.reset();  // may free the space of a removed file
}

inline result<sim_file> sim_disk::open_node(const std::string& path, file_mode mode) {
    disk_tree::node found = tree_.find(path);
    if (found != nullptr && mode.exclusive)
        return raftkit::detail::file_error("testing/sim/disk.open", EEXIST);
    if (found == nullptr) {
        if (!mode.create && !mode.exclusive)
            return raftkit::detail::file_error("testing/sim/disk.open", ENOENT);
        const auto [parent, name] = tree_.parent_of(path);
        if (parent == nullptr) return raftkit::detail::file_error("testing/sim/disk.open", ENOENT);
        found = tree_.make(parent, name, false);
    }
    if (found->directory) return raftkit::detail::file_error("testing/sim/disk.open", EISDIR);
    sim_file opened;
    opened.disk_ = this;
    opened.node_ = std::move(found);
    opened.path_ = path;
    opened.life_ = life_;
    opened.writable_ = mode.write;
    return opened;
}

inline result<sim_file> sim_files::open(const std::string& path, file_mode mode) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::open, path);
    if (!judged.why) return disk_->open_node(path, mode);
    // A creation that failed may still have left its name.
    if (judged.partly && (mode.create || mode.exclusive) && !judged.injected &&
        disk_->tree_.find(path) == nullptr) {
        const auto [parent, name] = disk_->tree_.parent_of(path);
        if (parent != nullptr && disk_->random_.below(2) == 0)
            (void)disk_->tree_.make(parent, name, false);
    }
    return judged.why;
}

inline result<sim_file> sim_files::lock(const std::string& path) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::lock, path);
    if (judged.why) return judged.why;
    const disk_tree::node held = disk_->tree_.find(path);
    if (held != nullptr && held->locked_by_life == disk_->life_) {
        return error{errc::busy, EWOULDBLOCK, "testing/sim/disk.lock"};
    }
    auto opened = disk_->open_node(path, {.write = true, .create = true});
    if (!opened) return opened;
    opened->locks_ = true;
    opened->node_->locked_by_life = disk_->life_;
    return opened;
}

inline result<u64> sim_files::read_at(handle& file, u64 offset, mutable_byte_span into) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::read, file.path_, offset, into.size());
    if (judged.why) return judged.why;
    if (const error why = disk_->handle_error(file, "testing/sim/disk.read_at")) return why;
    if (file.node_->image.broken(offset, into.size())) {
        error why = raftkit::detail::file_error("testing/sim/disk.read_at", EIO);
        why.detail = offset;
        return why;
    }
    return file.node_->image.read(offset, into);
}

// Writes the first `limit` bytes of the pieces, or until the disk is full.
inline result<void> sim_disk::write_pieces(sim_file& file, u64 offset,
                                           std::span<const byte_span> pieces, u64 limit) {
    file_image& image = file.node_->image;
    for (byte_span piece : pieces) {
        piece = piece.first(static_cast<std::size_t>(std::min<u64>(piece.size(), limit)));
        limit -= piece.size();
        while (!piece.empty()) {
            const u64 to_boundary = sector_bytes - offset % sector_bytes;
            const auto part =
                piece.first(static_cast<std::size_t>(std::min<u64>(piece.size(), to_boundary)));
            if (*used_ + image.bytes_to_allocate(offset, part.size()) > capacity_) {
                return error{errc::no_space, ENOSPC, "testing/sim/disk.write_at", offset};
            }
            image.write(offset, part, random_);
            file.node_->charge();
            offset += part.size();
            piece = piece.subspan(part.size());
        }
    }
    return {};
}

// A crash inside: what the tear says arrives, sector by sector.
inline void sim_disk::write_torn(sim_file& file, u64 offset, std::span<const byte_span> pieces) {
    file_image& image = file.node_->image;
    u64 start = 0;  // of the piece, in the write
    for (const byte_span piece : pieces) {
        for (u64 at = 0; at < piece.size();) {
            const u64 place = offset + start + at;
            const u64 sector = place / sector_bytes - offset / sector_bytes;
            const u64 count = std::min<u64>(piece.size() - at, sector_bytes - place % sector_bytes);
            const bool whole = sector < 64 && (tear_->sectors >> sector & 1) != 0;
            const u64 prefix = tear_->bytes - std::min(tear_->bytes, start + at);
            const u64 arrives = whole ? count : std::min(count, prefix);
            const byte_span part =
                piece.subspan(static_cast<std::size_t>(at), static_cast<std::size_t>(arrives));
            at += count;
            if (part.empty()) continue;
            if (*used_ + image.bytes_to_allocate(place, part.size()) > capacity_) return;
            image.write(place, part, random_);
            if (tear_->on_medium) image.write_out(place);
            file.node_->charge();
        }
        start += piece.size();
    }
}

inline result<void> sim_files::write_at(handle& file, u64 offset,
                                        std::span<const byte_span> pieces) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    u64 bytes = 0;
    for (const byte_span piece : pieces) bytes += piece.size();
    auto judged = disk_->begin(disk_call::write, file.path_, offset, bytes);
    const error bad = disk_->handle_error(file, "testing/sim/disk.write_at");
    if (!bad && file.writable_ && judged.partly) {
        (void)disk_->write_pieces(file, offset, pieces, disk_->random_.below(bytes + 1));
    }
    if (!bad && file.writable_ && judged.torn) disk_->write_torn(file, offset, pieces);
    if (judged.why) {
        if (judged.injected) judged.why.detail = offset;
        return judged.why;
    }
    if (bad) return bad;
    if (!file.writable_) return error{errc::io, EBADF, "testing/sim/disk.write_at", offset};
    return disk_->write_pieces(file, offset, pieces, bytes);
}

inline result<void> sim_files::sync_data(handle& file) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::sync, file.path_);
    const error bad = disk_->handle_error(file, "testing/sim/disk.sync_data");
    if (judged.why) {
        if (judged.injected && !bad) file.node_->image.fail_sync();
        return judged.why;
    }
    if (bad) return bad;
    if (judged.lost) {
        file.node_->image.fail_sync();
    } else {
        file.node_->image.sync();
    }
    return {};
}

inline result<u64> sim_files::size(handle& file) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::size, file.path_);
    if (judged.why) return judged.why;
    if (const error why = disk_->handle_error(file, "testing/sim/disk.size")) return why;
    return file.node_->image.size();
}

inline result<void> sim_files::truncate(handle& file, u64 bytes) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::truncate, file.path_, 0, bytes);
    const error bad = disk_->handle_error(file, "testing/sim/disk.truncate");
    const bool allowed = !bad && file.writable_;
    const bool happens = !judged.why || (judged.partly && disk_->random_.below(2) == 0);
    if (allowed && happens) {
        file.node_->image.resize(bytes);
        file.node_->charge();
    }
    if (judged.why) return judged.why;
    if (bad) return bad;
    if (!file.writable_) return error{errc::io, EBADF, "testing/sim/disk.truncate"};
    return {};
}

// ---- names -------------------------------------------------------------------------------------

template <class Change>
result<void> sim_disk::change_names(disk_call kind, const std::string& path, Change change) {
    const std::lock_guard<std::mutex> hold(guard_);
    const verdict judged = begin(kind, path);
    if (!judged.why) return change();
    if (judged.partly && random_.below(2) == 0) (void)change();
    return judged.why;
}

inline result<void> sim_files::rename(const std::string& from, const std::string& to) noexcept {
    return disk_->change_names(disk_call::rename, from, [&]() -> result<void> {
        const auto [old_parent, old_name] = disk_->tree_.parent_of(from);
        const auto [new_parent, new_name] = disk_->tree_.parent_of(to);
        if (old_parent == nullptr || new_parent == nullptr ||
            !old_parent->entries.contains(old_name)) {
            return raftkit::detail::file_error("testing/sim/disk.rename", ENOENT);
        }
        const auto target = new_parent->entries.find(new_name);
        if (target != new_parent->entries.end() && !target->second->entries.empty()) {
            return raftkit::detail::file_error("testing/sim/disk.rename", ENOTEMPTY);
        }
        if (old_parent != new_parent || old_name != new_name) {
            disk_->tree_.rename(old_parent, old_name, new_parent, new_name);
        }
        return {};
    });
}

inline result<void> sim_files::remove(const std::string& path) noexcept {
    return disk_->change_names(disk_call::remove, path, [&]() -> result<void> {
        const auto [parent, name] = disk_->tree_.parent_of(path);
        if (parent == nullptr || !parent->entries.contains(name)) {
            return raftkit::detail::file_error("testing/sim/disk.remove", ENOENT);
        }
        if (!parent->entries.at(name)->entries.empty()) {
            return raftkit::detail::file_error("testing/sim/disk.remove", ENOTEMPTY);
        }
        disk_->tree_.remove(parent, name);
        return {};
    });
}

inline result<void> sim_files::make_directory(const std::string& path) noexcept {
    return disk_->change_names(disk_call::make_directory, path, [&]() -> result<void> {
        const disk_tree::node found = disk_->tree_.find(path);
        if (found != nullptr && found->directory) return {};
        if (found != nullptr)
            return raftkit::detail::file_error("testing/sim/disk.make_directory", EEXIST);
        const auto [parent, name] = disk_->tree_.parent_of(path);
        if (parent == nullptr)
            return raftkit::detail::file_error("testing/sim/disk.make_directory", ENOENT);
        (void)disk_->tree_.make(parent, name, true);
        return {};
    });
}

inline result<void> sim_files::sync_directory(const std::string& path) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::sync_directory, path);
    if (judged.why) return judged.why;
    const disk_tree::node found = disk_->tree_.find(path);
    if (found == nullptr)
        return raftkit::detail::file_error("testing/sim/disk.sync_directory", ENOENT);
    if (!found->directory)
        return raftkit::detail::file_error("testing/sim/disk.sync_directory", ENOTDIR);
    disk_->tree_.sync(found);
    return {};
}

inline result<std::vector<std::string>> sim_files::list(const std::string& directory) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::list, directory);
    if (judged.why) return judged.why;
    const disk_tree::node found = disk_->tree_.find(directory);
    if (found == nullptr) return raftkit::detail::file_error("testing/sim/disk.list", ENOENT);
    if (!found->directory) return raftkit::detail::file_error("testing/sim/disk.list", ENOTDIR);
    std::vector<std::string> names;
    for (const auto& [name, node] : found->entries) names.push_back(name);
    return names;
}

inline result<u64> sim_files::free_bytes(const std::string& directory) noexcept {
    const std::lock_guard<std::mutex> hold(disk_->guard_);
    const auto judged = disk_->begin(disk_call::free_bytes, directory);
    if (judged.why) return judged.why;
    if (disk_->tree_.find(directory) == nullptr) {
        return raftkit::detail::file_error("testing/sim/disk.free_bytes", ENOENT);
    }
    return disk_->capacity_ - std::min(disk_->capacity_, *disk_->used_);
}

}  // namespace testing
RAFTKIT_NAMESPACE_END
