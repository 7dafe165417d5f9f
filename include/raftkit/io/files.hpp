#pragma once
// The seam between the kit and a disk. The WAL and the file snapshots are templates over `Files`,
// so that the simulator runs the real ones on a disk that tears, loses, rots, fills up and crashes
// between any two calls. posix_files is the real one: plain libc calls, positional, nothing mapped
// (a bad sector would be a SIGBUS).

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/bytes.hpp>
#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct file_mode {
    bool write = false;      // read only otherwise
    bool create = false;     // if it is missing
    bool exclusive = false;  // it must be missing
    bool direct = false;     // past the page cache where the file system allows it; callers align
    u32 permissions = 0640;
};

// An open file; closes itself.
class posix_file {
public:
    posix_file() noexcept = default;
    explicit posix_file(int fd) noexcept : fd_(fd) {}
    posix_file(posix_file&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    posix_file& operator=(posix_file&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~posix_file() {
        if (fd_ >= 0) ::close(fd_);
    }

    bool is_open() const noexcept { return fd_ >= 0; }
    int fd() const noexcept { return fd_; }

private:
    int fd_ = -1;
};

// Blocking; every failure is an error that names its place, and `detail` the offset where there is
// one. Stateless: copies are alike, and several threads may use them at once.
class posix_files {
public:
    using handle = posix_file;

    result<handle> open(const std::string& path, file_mode mode) noexcept;
    // Bytes read; fewer than asked for only at the end of the file.
    result<u64> read_at(handle& file, u64 offset, mutable_byte_span into) noexcept;
    // All of the pieces, one after the other, or an error.
    result<void> write_at(handle& file, u64 offset, std::span<const byte_span> pieces) noexcept;
    result<void> sync_data(handle& file) noexcept;
    result<u64> size(handle& file) noexcept;
    result<void> truncate(handle& file, u64 bytes) noexcept;
    result<void> rename(const std::string& from, const std::string& to) noexcept;
    result<void> remove(const std::string& path) noexcept;  // a file or an empty directory
    result<std::vector<std::string>> list(const std::string& directory) noexcept;  // names, sorted
    result<void> make_directory(const std::string& path) noexcept;  // 0750; an existing one is fine
    // Creations, renames and removals in it are durable only after this.
    result<void> sync_directory(const std::string& path) noexcept;
    // Exclusive against other processes and other handles, until the handle closes; `busy` if
    // somebody has it.
    result<handle> lock(const std::string& path) noexcept;
    result<u64> free_bytes(const std::string& directory) noexcept;
};

namespace need {
template <class F>
concept files_open = requires(F& f, const std::string& path, file_mode mode) {
    typename F::handle;
    { f.open(path, mode) } noexcept -> std::same_as<result<typename F::handle>>;
};
template <class F>
concept files_read = requires(F& f, typename F::handle& file, u64 offset, mutable_byte_span into) {
    { f.read_at(file, offset, into) } noexcept -> std::same_as<result<u64>>;
};
template <class F>
concept files_write =
    requires(F& f, typename F::handle& file, u64 offset, std::span<const byte_span> pieces) {
        { f.write_at(file, offset, pieces) } noexcept -> std::same_as<result<void>>;
    };
template <class F>
concept files_sync = requires(F& f, typename F::handle& file) {
    { f.sync_data(file) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_size = requires(F& f, typename F::handle& file) {
    { f.size(file) } noexcept -> std::same_as<result<u64>>;
};
template <class F>
concept files_truncate = requires(F& f, typename F::handle& file, u64 bytes) {
    { f.truncate(file, bytes) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_rename = requires(F& f, const std::string& from, const std::string& to) {
    { f.rename(from, to) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_remove = requires(F& f, const std::string& path) {
    { f.remove(path) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_list = requires(F& f, const std::string& directory) {
    { f.list(directory) } noexcept -> std::same_as<result<std::vector<std::string>>>;
};
template <class F>
concept files_make_directory = requires(F& f, const std::string& path) {
    { f.make_directory(path) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_sync_directory = requires(F& f, const std::string& path) {
    { f.sync_directory(path) } noexcept -> std::same_as<result<void>>;
};
template <class F>
concept files_lock = requires(F& f, const std::string& path) {
    { f.lock(path) } noexcept -> std::same_as<result<typename F::handle>>;
};
template <class F>
concept files_free_bytes = requires(F& f, const std::string& directory) {
    { f.free_bytes(directory) } noexcept -> std::same_as<result<u64>>;
};
}  // namespace need

// Files are copied into every engine and store that uses them, so a copy must be cheap and mean the
// same disk.
template <class F>
concept files = std::copyable<F> && need::files_open<F> && need::files_read<F> &&
                need::files_write<F> && need::files_sync<F> && need::files_size<F> &&
                need::files_truncate<F> && need::files_rename<F> && need::files_remove<F> &&
                need::files_list<F> && need::files_make_directory<F> &&
                need::files_sync_directory<F> && need::files_lock<F> && need::files_free_bytes<F>;
static_assert(files<posix_files>);

namespace detail {

[[gnu::cold, gnu::noinline]] inline error file_error(const char* where, int os,
                                                     u64 detail = 0) noexcept {
    switch (os) {
        case ENOENT: return {errc::not_found, os, where, detail};
        case ENOSPC:
        case EDQUOT: return {errc::no_space, os, where, detail};
        default: return {errc::io, os, where, detail};
    }
}

// A span of pieces as iovecs, consumed from the front as the kernel takes bytes.
class piece_cursor {
public:
    explicit piece_cursor(std::span<const byte_span> pieces) noexcept : pieces_(pieces) {
        skip_empty();
    }

    bool at_end() const noexcept { return at_ == pieces_.size(); }
    // Ensures: at least one non-empty vector unless at_end().
    template <std::size_t Count>
    int fill(std::array<iovec, Count>& vectors) const noexcept {
        std::size_t used = 0;
        u64 taken = taken_;
        for (std::size_t i = at_; i < pieces_.size() && used < Count; ++i, taken = 0) {
            if (pieces_[i].empty()) continue;
            auto* from =
                const_cast<std::byte*>(pieces_[i].data()) + taken;  // writev does not write to it
            vectors[used++] = {from, pieces_[i].size() - static_cast<std::size_t>(taken)};
        }
        return static_cast<int>(used);
    }
    void advance(u64 bytes) noexcept {
        while (bytes > 0) {
            const u64 left = pieces_[at_].size() - taken_;
            if (bytes < left) {
                taken_ += bytes;
                return;
            }
            bytes -= left;
            ++at_;
            taken_ = 0;
            skip_empty();
        }
    }

private:
    void skip_empty() noexcept {
        while (at_ < pieces_.size() && pieces_[at_].empty()) ++at_;
    }

    std::span<const byte_span> pieces_;
    std::size_t at_ = 0;
    u64 taken_ = 0;  // of pieces_[at_]
};

}  // namespace detail

inline result<posix_file> posix_files::open(const std::string& path, file_mode mode) noexcept {
    int flags = O_CLOEXEC | (mode.write ? O_RDWR : O_RDONLY);
    if (mode.create) flags |= O_CREAT;
    if (mode.exclusive) flags |= O_CREAT | O_EXCL;
    int wanted = flags;
#if defined(O_DIRECT)
    if (mode.direct) wanted |= O_DIRECT;
#endif
    for (;;) {
        const int fd = ::open(path.c_str(), wanted, static_cast<mode_t>(mode.permissions));
        if (fd >= 0) return posix_file(fd);
        if (errno == EINTR) continue;
        if (errno == EINVAL && wanted != flags) {  // tmpfs and others have no direct access
            wanted = flags & ~O_EXCL;              // the refused open may have created it
            continue;
        }
        return detail::file_error("io/files.open", errno);
    }
}

inline result<u64> posix_files::read_at(handle& file, u64 offset, mutable_byte_span into) noexcept {
    u64 done = 0;
    while (done < into.size()) {
        const auto taken = ::pread(file.fd(), into.data() + done, into.size() - done,
                                   static_cast<off_t>(offset + done));
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) return detail::file_error("io/files.read_at", errno, offset + done);
        if (taken == 0) break;
        done += static_cast<u64>(taken);
    }
    return done;
}

inline result<void> posix_files::write_at(handle& file, u64 offset,
                                          std::span<const byte_span> pieces) noexcept {
    constexpr std::size_t vectors_max = 1024;  // IOV_MAX of Linux; less elsewhere only costs calls
    std::array<iovec, vectors_max> vectors;
    detail::piece_cursor cursor(pieces);
    while (!cursor.at_end()) {
        const int count = cursor.fill(vectors);
        const auto taken = ::pwritev(file.fd(), vectors.data(), count, static_cast<off_t>(offset));
        if (taken < 0 && errno == EINTR) continue;
        if (taken < 0) return detail::file_error("io/files.write_at", errno, offset);
        if (taken == 0)
            return detail::file_error("io/files.write_at", EIO, offset);  // no progress, no reason
        offset += static_cast<u64>(taken);
        cursor.advance(static_cast<u64>(taken));
    }
    return {};
}

// No retry after EINTR or anything else: a failed sync may have dropped the pages, and a second one
// proves nothing.
inline result<void> posix_files::sync_data(handle& file) noexcept {
#if defined(__APPLE__)
    const int failed = ::fcntl(file.fd(), F_FULLFSYNC);
#else
    const int failed = ::fdatasync(file.fd());
#endif
    if (failed != 0) return detail::file_error("io/files.sync_data", errno);
    return {};
}

inline result<u64> posix_files::size(handle& file) noexcept {
    struct stat seen {};
    if (::fstat(file.fd(), &seen) != 0) return detail::file_error("io/files.size", errno);
    return static_cast<u64>(seen.st_size);
}

inline result<void> posix_files::truncate(handle& file, u64 bytes) noexcept {
    while (::ftruncate(file.fd(), static_cast<off_t>(bytes)) != 0) {
        if (errno != EINTR) return detail::file_error("io/files.truncate", errno, bytes);
    }
    return {};
}

inline result<void> posix_files::rename(const std::string& from, const std::string& to) noexcept {
    if (::rename(from.c_str(), to.c_str()) != 0)
        return detail::file_error("io/files.rename", errno);
    return {};
}

inline result<void> posix_files::remove(const std::string& path) noexcept {
    if (::unlink(path.c_str()) == 0) return {};
    const bool directory =
        errno == EISDIR || errno == EPERM;  // Linux and POSIX name it differently
    if (directory && ::rmdir(path.c_str()) == 0) return {};
    return detail::file_error("io/files.remove", errno);
}

inline result<std::vector<std::string>> posix_files::list(const std::string& directory) noexcept {
    DIR* opened = ::opendir(directory.c_str());
    if (opened == nullptr) return detail::file_error("io/files.list", errno);
    std::vector<std::string> names;
    errno = 0;
    while (const dirent* each = ::readdir(opened)) {
        std::string name(each->d_name);
        if (name != "." && name != "..") names.push_back(std::move(name));
        errno = 0;
    }
    const int failed = errno;
    ::closedir(opened);
    if (failed != 0) return detail::file_error("io/files.list", failed);
    std::sort(names.begin(), names.end());
    return names;
}

inline result<void> posix_files::make_directory(const std::string& path) noexcept {
    if (::mkdir(path.c_str(), 0750) == 0) return {};
    const int failed = errno;
    struct stat seen {};
    if (failed == EEXIST && ::stat(path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode)) return {};
    return detail::file_error("io/files.make_directory", failed);
}

inline result<void> posix_files::sync_directory(const std::string& path) noexcept {
    const posix_file directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return detail::file_error("io/files.sync_directory", errno);
    if (::fsync(directory.fd()) != 0) return detail::file_error("io/files.sync_directory", errno);
    return {};
}

inline result<posix_file> posix_files::lock(const std::string& path) noexcept {
    posix_file file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640));
    if (!file.is_open()) return detail::file_error("io/files.lock", errno);
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
    if (errno == EWOULDBLOCK) return error{errc::busy, errno, "io/files.lock"};
    return detail::file_error("io/files.lock", errno);
}

inline result<u64> posix_files::free_bytes(const std::string& directory) noexcept {
    struct statvfs seen {};
    if (::statvfs(directory.c_str(), &seen) != 0)
        return detail::file_error("io/files.free_bytes", errno);
    return static_cast<u64>(seen.f_bavail) * static_cast<u64>(seen.f_frsize);
}

RAFTKIT_NAMESPACE_END
