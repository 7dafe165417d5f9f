#pragma once
// Who a data directory belongs to: node.identity (cluster, group, node, incarnation, and the
// peer_book: the first seen incarnation of every peer), and node.lock, which keeps a second process
// out. The file is replaced as a whole: written beside the old one, synced, renamed, the directory
// synced; a crash leaves the old one or the new one.
//
//   u64 magic | u32 crc (of all that follows) | u32 version | u64 cluster, group, self, incarnation
//   u8 joined, 7 zeros | u32 count, 4 zeros | count x (u64 node, u64 incarnation)

#include <errno.h>

#include <optional>
#include <string>
#include <vector>

#include <raftkit/core/persist.hpp>
#include <raftkit/io/files.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct node_identity {
    identity self;
    peer_book peers;
};

inline constexpr u64 identity_magic = 0x3144496e746b6672;  // "rfktnID1"
inline constexpr u32 identity_version = 1;
inline constexpr u32 identity_header_bytes = 64;
inline constexpr u32 identity_peers_max = 4096;

// The random part of an incarnation; the low 16 bits count its fences.
constexpr u64 incarnation_from(u64 random) noexcept {
    const u64 drawn = random & ~u64{0xffff};
    return drawn != 0 ? drawn : u64{1} << 16;
}

inline std::vector<std::byte> encode_identity(const node_identity& of) {
    std::vector<std::byte> bytes(identity_header_bytes + of.peers.incarnations.size() * 16);
    byte_writer out(bytes);
    out.put_u64(identity_magic);
    out.put_u32(0);
    out.put_u32(identity_version);
    out.put_u64(of.self.cluster);
    out.put_u64(of.self.group);
    out.put(of.self.self);
    out.put_u64(of.self.incarnation);
    out.put_u64(of.peers.joined ? 1 : 0);
    out.put_u64(of.peers.incarnations.size());
    for (const auto& [peer, incarnation] : of.peers.incarnations) {
        out.put(peer);
        out.put_u64(incarnation);
    }
    store_le(bytes.data() + 8, mask_crc(crc32c(byte_span(bytes).subspan(12))));
    return bytes;
}

inline result<node_identity> decode_identity(byte_span from) {
    const error damaged{errc::corrupt, 0, "node.identity is damaged"};
    byte_reader in(from);
    const u64 magic = in.take_u64();
    const u32 crc = in.take_u32();
    if (!in.ok() || magic != identity_magic || crc != mask_crc(crc32c(from.subspan(12))))
        return damaged;
    if (in.take_u32() != identity_version)
        return error{errc::incompatible, 0, "node.identity: of another version"};
    node_identity found;
    found.self.cluster = in.take_u64();
    found.self.group = in.take_u64();
    in.take(found.self.self);
    found.self.incarnation = in.take_u64();
    const u64 joined = in.take_u64();
    found.peers.joined = joined == 1;
    const u64 count = in.take_u64();
    if (!in.ok() || joined > 1 || count > identity_peers_max || in.left() != count * 16)
        return damaged;
    found.peers.incarnations.resize(static_cast<std::size_t>(count));
    for (auto& [peer, incarnation] : found.peers.incarnations) {
        in.take(peer);
        incarnation = in.take_u64();
    }
    return found;
}

// The files of a directory's identity. Copies are alike; one process at a time holds the lock.
template <files Files>
class identity_store {
public:
    using handle = typename Files::handle;
    identity_store(Files files, std::string directory, u32 permissions)
        : files_(files), directory_(std::move(directory)), permissions_(permissions) {}

    const std::string& directory() const noexcept { return directory_; }
    std::string path() const { return directory_ + "/node.identity"; }

    // Makes the directory if it is missing. `busy`: another process, or another storage, has it.
    result<handle> lock() noexcept {
        if (auto made = files_.make_directory(directory_); !made) return made.why();
        auto held = files_.lock(directory_ + "/node.lock");
        if (!held && held.why().code == errc::busy) {
            return error{errc::busy, held.why().os, "node.lock: the data directory is in use"};
        }
        return held;
    }

    // The directory's own name; before anything in a new directory is promised to anybody.
    result<void> make_name_durable() noexcept {
        auto done = files_.sync_directory(parent_of(directory_));
        // A parent that we may not read was made by somebody who answers for it.
        const int os = done.why().os;
        if (!done && (os == EACCES || os == EPERM)) return {};
        return done;
    }
    static std::string parent_of(std::string path) {
        while (path.size() > 1 && path.back() == '/') path.pop_back();
        const std::size_t cut = path.rfind('/');
        if (cut == std::string::npos) return ".";
        return cut == 0 ? "/" : path.substr(0, cut);
    }

    // Nothing if the directory is new.
    result<std::optional<node_identity>> read() noexcept {
        auto file = files_.open(path(), file_mode{});
        if (!file && file.why().code == errc::not_found) return std::optional<node_identity>{};
        if (!file) return file.why();
        const auto size = files_.size(*file);
        if (!size) return size.why();
        if (*size > identity_header_bytes + u64{identity_peers_max} * 16) {
            return error{errc::corrupt, 0, "node.identity is damaged", *size};
        }
        std::vector<std::byte> bytes(static_cast<std::size_t>(*size));
        const auto read = files_.read_at(*file, 0, bytes);
        if (!read) return read.why();
        auto decoded = decode_identity(byte_span(bytes).first(static_cast<std::size_t>(*read)));
        if (!decoded) return decoded.why();
        return std::optional<node_identity>(std::move(*decoded));
    }

    // Ensures: durable when it returns.
    result<void> write(const node_identity& now) noexcept {
        const std::string fresh = path() + ".tmp";
        const std::vector<std::byte> bytes = encode_identity(now);
        auto file = files_.open(fresh, {true, true, false, false, permissions_});
        if (!file) return file.why();
        if (auto done = files_.truncate(*file, 0); !done) return done;
        const byte_span piece(bytes);
        if (auto done = files_.write_at(*file, 0, std::span(&piece, 1)); !done) return done;
        if (auto done = files_.sync_data(*file); !done) return done;
        if (auto done = files_.rename(fresh, path()); !done) return done;
        return files_.sync_directory(directory_);
    }

    // The stored identity must be the one that was asked for; 0 asks for nothing.
    static error mistake(const identity& stored, const identity& who) noexcept {
        const auto foreign = [](const char* where, u64 found) {
            return error{errc::foreign, 0, where, found};
        };
        if (who.self && stored.self != who.self) {
            return foreign("node.identity: the directory belongs to another node",
                           stored.self.value);
        }
        if (who.cluster != 0 && stored.cluster != who.cluster) {
            return foreign("node.identity: the directory belongs to another cluster",
                           stored.cluster);
        }
        if (who.group != 0 && stored.group != who.group) {
            return foreign("node.identity: the directory belongs to another group", stored.group);
        }
        return {};
    }

private:
    Files files_;
    std::string directory_;
    u32 permissions_;
};

RAFTKIT_NAMESPACE_END
