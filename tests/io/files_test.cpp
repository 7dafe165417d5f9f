#include <raftkit/io/files.hpp>

#include <stdlib.h>
#include <sys/resource.h>

#include <csignal>
#include <vector>

#include <doctest/doctest.h>

using namespace raftkit;

namespace {

struct scratch {
    scratch() {
        char name[] = "/tmp/raftkit-files-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~scratch() {
        posix_files files;
        if (auto names = files.list(path)) {
            for (const std::string& name : *names) (void)files.remove(path + "/" + name);
        }
        (void)files.remove(path);
    }
    std::string operator/(const std::string& name) const { return path + "/" + name; }
    std::string path;
};

constexpr file_mode fresh{.write = true, .create = true};

void write_text(posix_files& files, posix_file& file, u64 offset, std::string_view text) {
    const byte_span piece = as_bytes(text);
    REQUIRE(files.write_at(file, offset, {&piece, 1}));
}

std::string read_text(posix_files& files, posix_file& file, u64 offset, std::size_t count) {
    std::string text(count, '?');
    auto read = files.read_at(file, offset, {reinterpret_cast<std::byte*>(text.data()), count});
    REQUIRE(read);
    text.resize(static_cast<std::size_t>(*read));
    return text;
}

}  // namespace

TEST_CASE("what was written is read back, short only at the end of the file") {
    scratch directory;
    posix_files files;
    auto file = files.open(directory / "a", fresh);
    REQUIRE(file);
    write_text(files, *file, 3, "hello");
    CHECK(*files.size(*file) == 8);
    CHECK(read_text(files, *file, 3, 5) == "hello");
    CHECK(read_text(files, *file, 6, 100) == "lo");
    CHECK(read_text(files, *file, 8, 4).empty());
    CHECK(read_text(files, *file, 100, 4).empty());
    CHECK(files.sync_data(*file));
    CHECK(files.truncate(*file, 4));
    CHECK(*files.size(*file) == 4);
}

TEST_CASE("more pieces than one call takes are all written, empty ones skipped") {
    scratch directory;
    posix_files files;
    auto file = files.open(directory / "a", fresh);
    REQUIRE(file);
    std::string expected;
    std::vector<std::string> texts;
    for (int i = 0; i < 3'000; ++i) {
        texts.push_back(i % 5 == 0 ? std::string() : std::to_string(i) + ",");
        expected += texts.back();
    }
    std::vector<byte_span> pieces;
    for (const std::string& text : texts) pieces.push_back(as_bytes(text));
    REQUIRE(files.write_at(*file, 7, pieces));
    CHECK(read_text(files, *file, 7, expected.size() + 10) == expected);
    CHECK(files.write_at(*file, 7, {}));
    CHECK(*files.size(*file) == 7 + expected.size());
}

TEST_CASE("a short write is continued where it stopped") {
    const std::string_view texts[] = {"ab", "", "cdef", "g"};
    std::vector<byte_span> pieces;
    for (const auto text : texts) pieces.push_back(as_bytes(text));
    for (u64 step = 1; step <= 7; ++step) {
        detail::piece_cursor cursor(pieces);
        std::string seen;
        while (!cursor.at_end()) {
            std::array<iovec, 2> vectors{};
            const int count = cursor.fill(vectors);
            REQUIRE(count > 0);
            std::string offered;
            for (int i = 0; i < count; ++i) {
                const iovec& each = vectors[static_cast<std::size_t>(i)];
                offered.append(static_cast<const char*>(each.iov_base), each.iov_len);
            }
            const std::size_t taken = std::min<std::size_t>(step, offered.size());
            seen += offered.substr(0, taken);
            cursor.advance(taken);
        }
        CHECK(seen == "abcdefg");
    }
}

TEST_CASE("a missing file is not_found, whatever is asked of it") {
    scratch directory;
    posix_files files;
    CHECK(files.open(directory / "none", {}).why().code == errc::not_found);
    CHECK(files.open(directory / "none", {.write = true}).why().code == errc::not_found);
    CHECK(files.remove(directory / "none").why().code == errc::not_found);
    CHECK(files.rename(directory / "none", directory / "b").why().code == errc::not_found);
    CHECK(files.list(directory / "none").why().code == errc::not_found);
    CHECK(files.sync_directory(directory / "none").why().code == errc::not_found);
}

TEST_CASE("exclusive creation refuses an existing file") {
    scratch directory;
    posix_files files;
    const file_mode exclusive{.write = true, .create = true, .exclusive = true};
    CHECK(files.open(directory / "a", exclusive));
    const error why = files.open(directory / "a", exclusive).why();
    CHECK(why.code == errc::io);
    CHECK(why.os == EEXIST);
}

TEST_CASE("a write to a file opened for reading fails and says where") {
    scratch directory;
    posix_files files;
    REQUIRE(files.open(directory / "a", fresh));
    auto file = files.open(directory / "a", {});
    REQUIRE(file);
    const byte_span piece = as_bytes("x");
    const error why = files.write_at(*file, 12, {&piece, 1}).why();
    CHECK(why.code == errc::io);
    CHECK(why.os == EBADF);
    CHECK(why.detail == 12);
}

TEST_CASE("names are listed sorted, without the directory itself and its parent") {
    scratch directory;
    posix_files files;
    for (const char* name : {"wal-2", "wal-1", "b", ".hidden"})
        REQUIRE(files.open(directory / name, fresh));
    REQUIRE(files.make_directory(directory / "sub"));
    CHECK(*files.list(directory.path) ==
          std::vector<std::string>{".hidden", "b", "sub", "wal-1", "wal-2"});
}

TEST_CASE("directories can be made twice, removed when empty, and never over a file") {
    scratch directory;
    posix_files files;
    CHECK(files.make_directory(directory / "sub"));
    CHECK(files.make_directory(directory / "sub"));
    REQUIRE(files.open(directory / "sub/file", fresh));
    CHECK_FALSE(files.remove(directory / "sub"));
    CHECK(files.remove(directory / "sub/file"));
    CHECK(files.remove(directory / "sub"));
    REQUIRE(files.open(directory / "plain", fresh));
    CHECK(files.make_directory(directory / "plain").why().os == EEXIST);
    CHECK(files.sync_directory(directory.path));
}

TEST_CASE("rename replaces the target") {
    scratch directory;
    posix_files files;
    auto from = files.open(directory / "from", fresh);
    auto to = files.open(directory / "to", fresh);
    REQUIRE((from && to));
    write_text(files, *from, 0, "new");
    write_text(files, *to, 0, "old text");
    REQUIRE(files.rename(directory / "from", directory / "to"));
    auto seen = files.open(directory / "to", {});
    REQUIRE(seen);
    CHECK(read_text(files, *seen, 0, 100) == "new");
    CHECK(files.list(directory.path)->size() == 1);
}

// Scenario K145: a second process on the same directory is refused.
TEST_CASE("a lock is held by one handle until it closes") {
    scratch directory;
    posix_files files;
    {
        auto held = files.lock(directory / "node.lock");
        REQUIRE(held);
        CHECK(files.lock(directory / "node.lock").why().code == errc::busy);
    }
    CHECK(files.lock(directory / "node.lock"));
}

TEST_CASE("direct access is a wish: where it is refused the file opens without") {
    scratch directory;
    posix_files files;
    CHECK(files.open(directory / "a", {.write = true, .create = true, .direct = true}));
    auto shm = files.open("/dev/shm/raftkit-direct-test",
                          {.write = true, .create = true, .exclusive = true, .direct = true});
    CHECK(shm);
    CHECK(files.remove("/dev/shm/raftkit-direct-test"));
}

TEST_CASE("a full disk is no_space") {
    posix_files files;
    auto full = files.open("/dev/full", {.write = true});
    REQUIRE(full);
    const byte_span piece = as_bytes("x");
    CHECK(files.write_at(*full, 0, {&piece, 1}).why().code == errc::no_space);
}

TEST_CASE("a file that may not grow further is an error, not death by a signal that is ignored") {
    scratch directory;
    posix_files files;
    auto file = files.open(directory / "a", fresh);
    REQUIRE(file);
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    rlimit old{};
    ::getrlimit(RLIMIT_FSIZE, &old);
    rlimit small = old;
    small.rlim_cur = 1000;
    ::setrlimit(RLIMIT_FSIZE, &small);
    const std::string text(1500, 'x');
    const byte_span piece = as_bytes(text);
    const error why = files.write_at(*file, 0, {&piece, 1}).why();
    ::setrlimit(RLIMIT_FSIZE, &old);
    std::signal(SIGXFSZ, before);
    CHECK(why.code == errc::io);
    CHECK(why.os == EFBIG);
    CHECK(why.detail == 1000);  // the short write before it was taken into account
}

TEST_CASE("free bytes are told for a directory, and an error for none") {
    posix_files files;
    CHECK(*files.free_bytes("/tmp") > 0);
    CHECK(files.free_bytes("/nowhere/at/all").why().code == errc::not_found);
}

TEST_CASE("a moved handle leaves nothing behind to close") {
    scratch directory;
    posix_files files;
    auto file = files.open(directory / "a", fresh);
    posix_file moved(*std::move(file));
    CHECK(moved.is_open());
    posix_file other;
    other = std::move(moved);
    CHECK_FALSE(moved.is_open());
    write_text(files, other, 0, "still open");
}
