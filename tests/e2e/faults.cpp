// A disk that fails when it is told to: preloaded before libc. While the file that KVD_FAULTS names
// exists, the calls that it names fail: "fdatasync 5" (EIO), "write 5", or "extend 28" (ENOSPC,
// only where a file would grow: as on a full disk, where what was prepared before can still be
// written).

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

namespace {

// 0, or the error with which a call of this kind has to fail on this descriptor; `end` is where the
// file would end afterwards. Sockets and pipes are spared.
int fault_of(const char* kind, int fd, off_t end) {
    const char* path = getenv("KVD_FAULTS");
    FILE* file = path != nullptr ? fopen(path, "r") : nullptr;
    if (file == nullptr) return 0;
    char named[32] = "";
    int error = 0;
    const bool read = fscanf(file, "%31s %d", named, &error) == 2;
    fclose(file);
    struct stat what {};
    if (!read || fstat(fd, &what) != 0 || !S_ISREG(what.st_mode) || fd <= 2) return 0;
    const bool extends = strcmp(named, "extend") == 0 && end > what.st_size;
    return extends || strcmp(named, kind) == 0 ? error : 0;
}

off_t bytes_of(const iovec* pieces, int count) {
    size_t bytes = 0;
    for (int k = 0; k < count; ++k) bytes += pieces[k].iov_len;
    return static_cast<off_t>(bytes);
}

template <class Function>
Function real(const char* name) {
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define RAFTKIT_FAULTY(result, name, kind, end, parameters, arguments) \
    extern "C" result name parameters {                                \
        static const auto next = real<result(*) parameters>(#name);    \
        if (const int error = fault_of(kind, fd, end); error != 0) {   \
            errno = error;                                             \
            return -1;                                                 \
        }                                                              \
        return next arguments;                                         \
    }

RAFTKIT_FAULTY(int, fdatasync, "fdatasync", 0, (int fd), (fd))
RAFTKIT_FAULTY(int, fsync, "fsync", 0, (int fd), (fd))
RAFTKIT_FAULTY(ssize_t, pwrite, "write", at + static_cast<off_t>(size),
               (int fd, const void* from, size_t size, off_t at), (fd, from, size, at))
RAFTKIT_FAULTY(ssize_t, pwrite64, "write", at + static_cast<off_t>(size),
               (int fd, const void* from, size_t size, off64_t at), (fd, from, size, at))
RAFTKIT_FAULTY(ssize_t, writev, "write", lseek(fd, 0, SEEK_CUR) + bytes_of(from, count),
               (int fd, const iovec* from, int count), (fd, from, count))
RAFTKIT_FAULTY(ssize_t, pwritev, "write", at + bytes_of(from, count),
               (int fd, const iovec* from, int count, off_t at), (fd, from, count, at))
RAFTKIT_FAULTY(ssize_t, pwritev64, "write", at + bytes_of(from, count),
               (int fd, const iovec* from, int count, off64_t at), (fd, from, count, at))
RAFTKIT_FAULTY(int, ftruncate, "write", size, (int fd, off_t size), (fd, size))
RAFTKIT_FAULTY(int, ftruncate64, "write", size, (int fd, off64_t size), (fd, size))
