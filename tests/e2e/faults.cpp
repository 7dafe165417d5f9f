// A disk that fails when it is told to: preloaded before libc. While the file that KVD_FAULTS names
// exists, the calls that it names fail: "fdatasync 5" (EIO), "write 5", "read 5", or "extend 28"
// (ENOSPC, only where a file would grow: as on a full disk, where what was prepared before can
// still be written). "slow 30" lets every sync take 30 ms more.
//
// KVD_POWER names a directory in which everything is written down that a power cut could take back,
// for power.py: the old bytes below each write, and names that were made, moved or removed; and
// what was synced. With KVD_POWER_LIES the disk says that it syncs, and does not. The journal is
// one file for all runs of a process: a kill -9 syncs nothing. KVD_POWER_KEPT, on the file system
// of the data, takes removed files where KVD_POWER can't.

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <string>

namespace {

template <class Function>
Function real(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

// 0, or the error with which a call of this kind has to fail on this descriptor; `end` is where the
// file would end afterwards. Sockets and pipes are spared.
int fault_of(const char* kind, int fd, off_t end) {
    const char* path = getenv("KVD_FAULTS");
    FILE* file = path != nullptr ? fopen(path, "r") : nullptr;
    if (file == nullptr) return 0;
    char named[32] = "";
    int number = 0;
    const bool read = fscanf(file, "%31s %d", named, &number) == 2;
    fclose(file);
    struct stat what {};
    if (!read || fstat(fd, &what) != 0 || !S_ISREG(what.st_mode) || fd <= 2) return 0;
    if (strcmp(named, "slow") == 0 && strcmp(kind, "fdatasync") == 0) {
        usleep(static_cast<useconds_t>(number) * 1000);
        return 0;
    }
    const bool extends = strcmp(named, "extend") == 0 && end > what.st_size;
    return extends || strcmp(named, kind) == 0 ? number : 0;
}

off_t bytes_of(const iovec* pieces, int count) {
    size_t bytes = 0;
    for (int k = 0; k < count; ++k) bytes += pieces[k].iov_len;
    return static_cast<off_t>(bytes);
}

// ---- what a power cut could take back
//
// A record: its size, a mark, a kind, then numbers and texts in the order of power.py. One write a
// record, at the end of the file, so that records of several threads do not mix.

using open_call = int (*)(const char*, int, ...);

open_call real_open() {
    static const auto next = real<open_call>("open");
    return next;
}

const char* power() {
    static const char* const at = getenv("KVD_POWER");
    return at;
}

int journal() {
    static const int fd = real_open()((std::string(power()) + "/journal").c_str(),
                                      O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    return fd;
}

class entry {
public:
    explicit entry(char kind) { bytes_ = std::string("RKJ1") + kind; }
    entry& number(uint64_t value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    entry& text(const std::string& value) {
        bytes_ += value;
        return number_before(value.size());
    }
    void write() {
        const uint64_t size = bytes_.size();
        bytes_.insert(0, reinterpret_cast<const char*>(&size), sizeof size);
        if (::write(journal(), bytes_.data(), bytes_.size()) < 0) abort();
    }

private:
    entry& number_before(size_t behind) {
        const uint64_t value = behind;
        bytes_.insert(bytes_.size() - behind, reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    std::string bytes_;
};

uint64_t inode_of(const char* path) {
    struct stat what {};
    return stat(path, &what) == 0 ? what.st_ino : 0;
}
uint64_t folder_of(const char* path) {
    std::string copy(path);
    return inode_of(dirname(copy.data()));
}
bool counts(int fd, struct stat& what) {
    return power() != nullptr && fd > 2 && fstat(fd, &what) == 0 && S_ISREG(what.st_mode);
}

// Before bytes [at, end) of a file change.
void keep_old(int fd, off_t at, off_t end) {
    struct stat what {};
    if (!counts(fd, what)) return;
    std::string old;
    const off_t stop = end < what.st_size ? end : what.st_size;
    if (stop > at) {
        // Through a descriptor of our own: theirs may be past the page cache, or for writing only.
        const int own =
            real_open()(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
        static const auto read_it = real<ssize_t (*)(int, void*, size_t, off_t)>("pread");
        old.resize(static_cast<size_t>(stop - at));
        const ssize_t got = own < 0 ? -1 : read_it(own, old.data(), old.size(), at);
        if (own >= 0) close(own);
        old.resize(got < 0 ? 0 : static_cast<size_t>(got));
    }
    entry('W')
        .number(what.st_ino)
        .number(static_cast<uint64_t>(at))
        .number(static_cast<uint64_t>(end))
        .number(static_cast<uint64_t>(what.st_size))
        .text(old)
        .write();
}

// Where the journal ends now: only what stands before it is covered by a sync that begins now.
uint64_t journal_end() {
    struct stat what {};
    return power() != nullptr && fstat(journal(), &what) == 0 ? static_cast<uint64_t>(what.st_size)
                                                              : 0;
}
void synced(int fd, uint64_t upto) {
    struct stat what {};
    if (power() == nullptr || fstat(fd, &what) != 0) return;
    entry('S').number(what.st_ino).number(upto).write();
}
bool lies() {
    static const bool does = getenv("KVD_POWER_LIES") != nullptr;
    return does;
}

// A second name for what is about to lose its name, so that the name can come back.
std::string keep_file(const char* path) {
    static int number = 0;
    static const char* const other = getenv("KVD_POWER_KEPT");
    const std::string kept = std::string(other != nullptr ? other : power()) + "/kept-" +
                             std::to_string(getpid()) + "-" +
                             std::to_string(__atomic_add_fetch(&number, 1, __ATOMIC_RELAXED));
    return link(path, kept.c_str()) == 0 ? kept : "";
}

template <class Call>
int sync_of(int fd, Call call) {
    if (const int error = fault_of("fdatasync", fd, 0); error != 0) {
        errno = error;
        return -1;
    }
    if (lies()) return 0;
    const uint64_t upto = journal_end();
    const int done = call(fd);
    if (done == 0) synced(fd, upto);
    return done;
}

int opened(const char* path, int flags, int fd, bool existed) {
    if (power() != nullptr && fd >= 0 && (flags & O_CREAT) != 0 && !existed) {
        entry('C').number(folder_of(path)).text(path).write();
    }
    return fd;
}

}  // namespace

#define RAFTKIT_FAULTY(result, name, kind, begin, end, parameters, arguments) \
    extern "C" result name parameters {                                       \
        static const auto next = real<result(*) parameters>(#name);           \
        if (const int error = fault_of(kind, fd, end); error != 0) {          \
            errno = error;                                                    \
            return -1;                                                        \
        }                                                                     \
        if (kind[0] == 'w') keep_old(fd, begin, end);                         \
        return next arguments;                                                \
    }

RAFTKIT_FAULTY(ssize_t, pread, "read", 0, 0, (int fd, void* into, size_t size, off_t at),
               (fd, into, size, at))
RAFTKIT_FAULTY(ssize_t, pread64, "read", 0, 0, (int fd, void* into, size_t size, off64_t at),
               (fd, into, size, at))
RAFTKIT_FAULTY(ssize_t, pwrite, "write", at, at + static_cast<off_t>(size),
               (int fd, const void* from, size_t size, off_t at), (fd, from, size, at))
RAFTKIT_FAULTY(ssize_t, pwrite64, "write", at, at + static_cast<off_t>(size),
               (int fd, const void* from, size_t size, off64_t at), (fd, from, size, at))
RAFTKIT_FAULTY(ssize_t, writev, "write", lseek(fd, 0, SEEK_CUR),
               lseek(fd, 0, SEEK_CUR) + bytes_of(from, count),
               (int fd, const iovec* from, int count), (fd, from, count))
RAFTKIT_FAULTY(ssize_t, pwritev, "write", at, at + bytes_of(from, count),
               (int fd, const iovec* from, int count, off_t at), (fd, from, count, at))
RAFTKIT_FAULTY(ssize_t, pwritev64, "write", at, at + bytes_of(from, count),
               (int fd, const iovec* from, int count, off64_t at), (fd, from, count, at))

// What a shrinking file loses stands behind its new end: it is kept like what a write covers.
extern "C" int ftruncate(int fd, off_t size) {
    static const auto next = real<int (*)(int, off_t)>("ftruncate");
    if (const int error = fault_of("write", fd, size); error != 0) {
        errno = error;
        return -1;
    }
    struct stat what {};
    if (counts(fd, what)) keep_old(fd, size, size > what.st_size ? size : what.st_size);
    return next(fd, size);
}
extern "C" int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

extern "C" int fdatasync(int fd) {
    static const auto next = real<int (*)(int)>("fdatasync");
    return sync_of(fd, next);
}
extern "C" int fsync(int fd) {
    static const auto next = real<int (*)(int)>("fsync");
    return sync_of(fd, next);
}

extern "C" int open(const char* path, int flags, ...) {
    va_list more;
    va_start(more, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(more, mode_t) : 0;
    va_end(more);
    const bool existed = power() == nullptr || (flags & O_CREAT) == 0 || inode_of(path) != 0;
    return opened(path, flags, real_open()(path, flags, mode), existed);
}
extern "C" int mkdir(const char* path, mode_t mode) {
    static const auto next = real<int (*)(const char*, mode_t)>("mkdir");
    const int done = next(path, mode);
    if (done == 0 && power() != nullptr) entry('C').number(folder_of(path)).text(path).write();
    return done;
}
extern "C" int rename(const char* from, const char* to) {
    static const auto next = real<int (*)(const char*, const char*)>("rename");
    const std::string kept = power() != nullptr ? keep_file(to) : "";
    const int done = next(from, to);
    if (done == 0 && power() != nullptr) {
        entry('R').number(folder_of(to)).text(from).text(to).text(kept).write();
    }
    return done;
}
extern "C" int unlink(const char* path) {
    static const auto next = real<int (*)(const char*)>("unlink");
    const std::string kept = power() != nullptr ? keep_file(path) : "";
    const int done = next(path);
    if (done == 0 && power() != nullptr) {
        entry('U').number(folder_of(path)).text(path).text(kept).write();
    }
    return done;
}
extern "C" int rmdir(const char* path) {
    static const auto next = real<int (*)(const char*)>("rmdir");
    const int done = next(path);
    if (done == 0 && power() != nullptr) {
        entry('U').number(folder_of(path)).text(path).text("").write();
    }
    return done;
}
