// inspect: prints what is in a data directory, and never writes. A directory may be in use
// meanwhile.
//
//   inspect DIR [--entries]     identity, log segments (every frame, with --entries every record),
//   snapshots inspect FILE                one segment, one manifest or one identity
//
// Exit codes: 0 all of it was readable, 1 something is damaged (the line says what and where), 2
// bad arguments.

#include <raftkit/snapshot/manifest.hpp>
#include <raftkit/snapshot/store/file_layout.hpp>
#include <raftkit/storage/identity.hpp>
#include <raftkit/storage/wal/scan.hpp>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

using namespace raftkit;

bool entries_wanted = false;
bool damaged = false;

unsigned long long n(u64 value) { return value; }

void complain(const std::string& path, u64 offset, const char* what) {
    std::printf("  DAMAGED %s at offset %llu: %s\n", path.c_str(), n(offset), what);
    damaged = true;
}

result<std::vector<std::byte>> read_whole(posix_files& files, const std::string& path) {
    auto file = files.open(path, {});
    if (!file) return file.why();
    const auto size = files.size(*file);
    if (!size) return size.why();
    if (*size > 64u << 20) return error{errc::too_large, 0, "more than 64 MiB", *size};
    std::vector<std::byte> bytes(static_cast<std::size_t>(*size));
    const auto got = files.read_at(*file, 0, bytes);
    if (!got) return got.why();
    return bytes;
}

const char* name_of(wal_disk::frame_kind kind) {
    switch (kind) {
        case wal_disk::frame_kind::data: return "data";
        case wal_disk::frame_kind::mark: return "mark";
        case wal_disk::frame_kind::seal: return "seal";
    }
    return "?";
}

std::string text_of(const configuration& members) {
    std::string text = members.joint ? "joint" : "members";
    for (const member& each : members.members) {
        text += " " + std::to_string(each.id.value) + "=" + each.address;
        if (each.role == member_role::learner) text += "(learner)";
        if (each.role == member_role::none) text += "(leaves)";
    }
    return text;
}

void print_records(byte_span body, u32 count) {
    for (u32 left = count; left > 0 && check_record(body) == record_check::good; --left) {
        const record_header record = load_record_header(body.data());
        static const char* const kinds[] = {"command", "membership", "barrier"};
        static const char* const local[] = {"base", "reset", "fence"};
        const char* kind = record.kind < 3                         ? kinds[record.kind]
                           : record.kind >= 16 && record.kind < 19 ? local[record.kind - 16]
                                                                   : "?";
        std::printf("      %llu/%llu %s %u bytes", n(record.at.index.value),
                    n(record.at.term.value), kind, record.payload_bytes);
        if (record.kind == u8(entry_kind::membership)) {
            const auto members = decode_configuration(view_record(body.data()).body);
            if (members) std::printf(" %s", text_of(*members).c_str());
        }
        std::printf("\n");
        body = body.subspan(record_bytes(record.payload_bytes));
    }
}

void print_frame(const wal_disk::frame_header& frame, u64 offset) {
    std::printf(
        "    %8llu %s #%llu records=%u bytes=%u term=%llu vote=%llu last=%llu/%llu durable<=%llu\n",
        n(offset), name_of(frame.kind), n(frame.number), frame.records, frame.bytes,
        n(frame.term.value), n(frame.voted_for.value), n(frame.last.index.value),
        n(frame.last.term.value), n(frame.durable_before()));
}

void print_segment(posix_files& files, const std::string& path) {
    auto file = files.open(path, {});
    if (!file) return complain(path, 0, file.why().where);
    const auto size = files.size(*file);
    if (!size) return complain(path, 0, size.why().where);
    wal_disk::file_window<posix_files> window(files, *file, *size);
    const auto head = window.at(0, wal_disk::segment_header_bytes);
    const auto header = head ? wal_disk::load_segment_header(*head) : std::nullopt;
    if (!header) return complain(path, 0, "no valid segment header");
    std::printf(
        "  %s: seq=%llu bytes=%llu node=%llu cluster=%016llx term=%llu vote=%llu commit>=%llu "
        "base=%llu/%llu "
        "last=%llu/%llu after frame #%llu\n",
        path.c_str(), n(header->seq), n(header->bytes), n(header->owner.self.value),
        n(header->owner.cluster), n(header->hard.term.value), n(header->hard.voted_for.value),
        n(header->hard.commit_hint.value), n(header->base.index.value), n(header->base.term.value),
        n(header->last.index.value), n(header->last.term.value), n(header->last_frame));
    if (*size != header->bytes) complain(path, 0, "the file's size is not the header's");
    wal_disk::chain_place at{wal_disk::segment_header_bytes, header->last_frame, header->chain};
    for (;;) {
        const auto seen = wal_disk::read_frame(window, *header, at);
        if (!seen) return complain(path, at.offset, seen.why().where);
        if (seen->verdict != wal_disk::frame_verdict::valid) break;
        print_frame(seen->header, at.offset);
        if (entries_wanted) print_records(seen->body, seen->header.records);
        at.offset += seen->header.sectors_bytes();
        at.number = seen->header.number;
        at.chain = seen->header.header_crc;
    }
    const auto tail = wal_disk::read_tail(window, *header, at);
    if (!tail) return complain(path, at.offset, tail.why().where);
    if (tail->here) print_frame(*tail->here, at.offset);
    if (tail->proof) {
        complain(path, at.offset, "a later header proves that a frame here was durable");
    } else if (tail->holds_data) {
        std::printf("    %8llu a torn group follows: the next start cuts it\n", n(at.offset));
    } else {
        std::printf("    %8llu end\n", n(at.offset));
    }
}

void print_manifest(posix_files& files, const std::string& path) {
    const auto bytes = read_whole(files, path);
    if (!bytes) return complain(path, 0, bytes.why().where);
    const auto manifest = decode_manifest(*bytes);
    if (!manifest) return complain(path, manifest.why().detail, manifest.why().where);
    const snapshot_meta& meta = manifest->meta;
    std::printf(
        "  %s: at=%llu/%llu nonce=%016llx bytes=%llu sections=%u chunk=%u format=%u %s%s "
        "digest=%016llx%016llx\n",
        path.c_str(), n(meta.id.at.index.value), n(meta.id.at.term.value), n(meta.id.nonce),
        n(meta.bytes), meta.sections, manifest->chunk_bytes, meta.format,
        meta.origin == snapshot_origin::captured ? "captured" : "installed",
        meta.installing ? " installing" : "", n(meta.digest[0]), n(meta.digest[1]));
    std::printf("    %s\n", text_of(meta.members).c_str());
    for (const section_meta& each : manifest->sections) {
        std::printf("    section %s bytes=%llu digest=%016llx%016llx\n", each.name.c_str(),
                    n(each.bytes), n(each.digest[0]), n(each.digest[1]));
    }
}

void print_identity(posix_files& files, const std::string& path) {
    const auto bytes = read_whole(files, path);
    if (!bytes) return complain(path, 0, bytes.why().where);
    const auto found = decode_identity(*bytes);
    if (!found) return complain(path, 0, found.why().where);
    std::printf("  %s: node=%llu cluster=%016llx group=%llu incarnation=%012llx.%llu %s\n",
                path.c_str(), n(found->self.self.value), n(found->self.cluster),
                n(found->self.group), n(found->self.incarnation >> 16),
                n(found->self.incarnation & 0xffff), found->peers.joined ? "joined" : "not joined");
    for (const auto& [id, incarnation] : found->peers.incarnations) {
        std::printf("    knows node=%llu incarnation=%012llx.%llu\n", n(id.value),
                    n(incarnation >> 16), n(incarnation & 0xffff));
    }
}

void print_file(posix_files& files, const std::string& path) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (name == "node.identity") return print_identity(files, path);
    if (name == "manifest.snap") return print_manifest(files, path);
    print_segment(files, path);
}

// Of what is in the folder of snapshots beside them.
const char* what_is(const std::string& name) {
    if (name.starts_with(snapshot_disk::staging_prefix)) return "being written, or cut off";
    if (name.starts_with(snapshot_disk::trash_prefix)) return "removed, its space not yet free";
    if (name.starts_with(snapshot_disk::published_prefix)) return "damaged, set aside";
    return "not ours";
}

void print_directory(posix_files& files, const std::string& path,
                     const std::vector<std::string>& names) {
    for (const std::string& name : names) {
        if (name == "node.identity" ||
            wal_disk::parse_file_name(name).kind == wal_disk::file_kind::segment) {
            print_file(files, path + "/" + name);
        }
    }
    const auto snapshots = files.list(path + "/snap");
    if (!snapshots) return;
    for (const std::string& name : *snapshots) {
        if (name == snapshot_disk::store_lock_name) continue;
        if (snapshot_disk::published_id(name)) {
            print_manifest(files, path + "/snap/" + name + "/manifest.snap");
        } else {
            std::printf("  %s/snap/%s: %s\n", path.c_str(), name.c_str(), what_is(name));
        }
    }
}

}  // namespace

int main(int count, char** words) {
    std::string path;
    for (int k = 1; k < count; ++k) {
        if (std::strcmp(words[k], "--entries") == 0) {
            entries_wanted = true;
        } else if (path.empty() && words[k][0] != '-') {
            path = words[k];
        } else {
            path.clear();
            break;
        }
    }
    if (path.empty()) {
        std::fputs("usage: inspect DIR|FILE [--entries]\n", stderr);
        return 2;
    }
    posix_files files;
    if (const auto names = files.list(path)) {
        print_directory(files, path, *names);
    } else {
        print_file(files, path);
    }
    return damaged ? 1 : 0;
}
