// Whole log directories: opening one is total, changes nothing when it finds damage, and is the
// same the second time (I-13). Names of files: 0 identity, 1 to 4 segments, 16 a spare, 17 an
// unfinished one; the top bit says that frames keep the numbers they have.
#include "disk_input.hpp"

#include "support/wal_fixture.hpp"

using namespace raftkit;
using namespace wal_test;

namespace {

constexpr std::size_t files_max = 6;
constexpr u8 numbers_stay = 0x80;
constexpr u8 identity_name = 0, spare_name = 16, unfinished_name = 17;

std::string path_of(u8 named) {
    const u8 name = named & 0x7f;
    if (name == identity_name) return "/data/node.identity";
    if (name == spare_name) return wal_disk::path_of("/data", {wal_disk::file_kind::spare, 9});
    if (name == unfinished_name) {
        return wal_disk::path_of("/data", {wal_disk::file_kind::unfinished, 10});
    }
    return wal_path(1 + name % 4u);
}

std::vector<std::vector<std::byte>> picture_of(const sim_disk& disk) {
    std::vector<std::vector<std::byte>> contents;
    for (const std::string& path : disk.paths()) {
        if (!path.ends_with("node.lock")) contents.push_back(disk.content(path));
    }
    return contents;
}

// What a log says of itself hangs together.
void check_found(const recovered_log& found) {
    FUZZ_PROPERTY(found.base.at.index <= found.last.index);
    FUZZ_PROPERTY(found.last.term <= found.hard.term);
    FUZZ_PROPERTY(found.base.at.term <= found.last.term);
    FUZZ_PROPERTY(found.last.index <= index_max && found.hard.term <= term_max);
}

void run_wal(byte_span input) {
    sim_disk disk(1);
    FUZZ_PROPERTY(disk.files().make_directory("/data"));
    for (const fuzz::stored_file& each : fuzz::files_in(input, files_max)) {
        fuzz::bytes contents = each.contents(input);
        // An identity has no sectors: it is the first piece alone.
        if (each.name == identity_name && !each.pieces.empty()) {
            const byte_span whole = input.subspan(each.pieces[0].at, each.pieces[0].size);
            contents.assign(whole.begin(), whole.end());
        }
        disk.plant(path_of(each.name), contents);
    }
    const auto before = picture_of(disk);
    std::optional<log_model> first;
    hard_state hard;
    {
        process node(disk);
        const auto found = node.open();
        if (!found || found->found) {
            if (found) FUZZ_PROPERTY(found->found->where != nullptr);
            // Evidence is never destroyed.
            FUZZ_PROPERTY(picture_of(disk) == before);
            return;
        }
        check_found(*found);
        hard = found->hard;
        first = node.read_back(*found);
        FUZZ_PROPERTY(first.has_value());
        disk.process_crash();
    }
    // A power cut takes nothing of what a recovery reported.
    disk.power_cut({0, 0, power_cut_odds::names_fate::lost});
    process node(disk);
    const auto again = node.open();
    FUZZ_PROPERTY(again && !again->found);
    FUZZ_PROPERTY(again->hard.term == hard.term && again->hard.voted_for == hard.voted_for);
    const auto second = node.read_back(*again);
    FUZZ_PROPERTY(second && second->same(*first));
    // And the log goes on behind it.
    if (second->last().index.value + 1 > index_max.value) return;
    if (again->hard.term.value == 0 || again->hard.term >= term_max) return;
    const u64 next = second->last().index.value + 1;
    const u64 term = again->hard.term.value;
    const persisted done = node.run(append(next, term));
    FUZZ_PROPERTY(!done.status);
    const loaded answer = node.load(next, next);
    FUZZ_PROPERTY(!answer.status && answer.entries.size() == 1);
}

// ---- checksums
// -----------------------------------------------------------------------------------

struct lives {
    u64 nonce = 0, frames = 0;
    u32 chain = 0;
};

void reseal_header(mutable_byte_span piece, lives& life) {
    if (piece.size() < wal_disk::frame_header_bytes) return;
    // The rest of the header is zeros in a file: only then is its sum known here.
    std::vector<std::byte> whole(wal_disk::segment_header_bytes);
    std::memcpy(whole.data(), piece.data(), std::min(piece.size(), whole.size()));
    store_le(whole.data(), wal_disk::segment_magic);
    store_le(whole.data() + 8, mask_crc(crc32c(byte_span(whole).subspan(12))));
    std::memcpy(piece.data(), whole.data(), std::min(piece.size(), whole.size()));
    const auto header = wal_disk::load_segment_header(whole);
    if (!header) return;
    life = {header->nonce, header->last_frame, header->chain};
}

// Every frame that can be walked, one after the other; `numbered`: numbers and chain go on.
void reseal_frames(mutable_byte_span piece, u64 offset, lives& life, bool numbered) {
    while (piece.size() >= wal_disk::frame_header_bytes) {
        std::byte* const at = piece.data();
        const u32 said = load_le<u32>(at + 8);
        const auto bytes = static_cast<u32>(
            std::min<std::size_t>(std::max(said, wal_disk::frame_header_bytes), piece.size()));
        store_le(at + 8, bytes);
        u16 records = 0;
        wal_disk::body_checksum sum(life.nonce, offset);
        mutable_byte_span body =
            piece.subspan(wal_disk::frame_header_bytes, bytes - wal_disk::frame_header_bytes);
        while (body.size() >= record_header_bytes) {
            const u32 payload = load_le<u32>(body.data() + 4);
            if (payload > body.size() || record_bytes(payload) > body.size()) break;
            store_le(body.data() + 28, record_header_crc(body.data()));
            store_le(body.data(), record_payload_crc(body.data(), payload));
            sum.add_record(body.data());
            body = body.subspan(record_bytes(payload));
            ++records;
        }
        store_le(at + 4, sum.value());
        store_le(at + 16, records);
        if (numbered) {
            store_le(at + 12, life.chain);
            store_le(at + 24, life.frames + 1);
        }
        store_le(at, mask_crc(crc32c({at + 4, wal_disk::frame_header_bytes - 4},
                                     wal_disk::place_seed(life.nonce, offset))));
        if (load_le<u8>(at + 18) == static_cast<u8>(wal_disk::frame_kind::data)) {
            ++life.frames;
            life.chain = load_le<u32>(at);
        }
        const u64 step = round_up(bytes, fuzz::sector_bytes);
        if (step > piece.size()) return;
        piece = piece.subspan(static_cast<std::size_t>(step));
        offset += step;
    }
}

void reseal_wal(mutable_byte_span input) {
    for (const fuzz::stored_file& each : fuzz::files_in(input, files_max)) {
        if (each.name == identity_name) {
            if (each.pieces.empty() || each.pieces[0].size < identity_header_bytes) continue;
            std::byte* const at = input.data() + each.pieces[0].at;
            store_le(at + 8, mask_crc(crc32c({at + 12, each.pieces[0].size - 12})));
            continue;
        }
        lives life;
        for (const fuzz::piece& part : each.pieces) {
            const mutable_byte_span bytes = input.subspan(part.at, part.size);
            if (part.sector == 0) {
                reseal_header(bytes, life);
            } else {
                reseal_frames(bytes, part.sector * fuzz::sector_bytes, life,
                              (each.name & numbers_stay) == 0);
            }
        }
    }
}

// ---- seeds
// ---------------------------------------------------------------------------------------

fuzz::bytes after(const std::vector<step>& steps, bool clean) {
    sim_disk disk(1);
    {
        process node(disk);
        FUZZ_PROPERTY(node.open());
        for (const step& each : steps) FUZZ_PROPERTY(!node.run(each).status);
        if (!clean) disk.process_crash();
    }
    disk.process_crash();
    fuzz::bytes made;
    const fuzz::bytes identity = disk.content(path_of(identity_name));
    fuzz::append(made, fuzz::bytes{std::byte{identity_name}, std::byte{1}, std::byte{0}});
    std::byte size[2];
    store_le(size, static_cast<u16>(identity.size()));
    fuzz::append(made, size);
    fuzz::append(made, identity);
    made.push_back(std::byte{fuzz::no_more_pieces});
    for (u8 name = 0; name < 4; ++name) {
        const std::string path = wal_path(1 + name % 4u);
        if (disk.exists(path)) fuzz::put_file(made, name == 0 ? u8{4} : name, disk.content(path));
    }
    return made;
}

std::vector<fuzz::seed> wal_seeds() {
    std::vector<step> rotated;
    for (u64 index = 1; index <= 24; ++index) rotated.push_back(append(index, 1, 1, 8));
    return {{"new", after({}, false)},
            {"three_frames", after({append(1, 1, 2, 8), append(3, 1, 1, 8), append(4, 2)}, false)},
            {"clean", after({append(1, 1, 2, 8), vote(3, 2)}, true)},
            {"superseded", after({append(1, 1, 3, 8), append(2, 2, 1, 8)}, false)},
            {"membership", after({membership(1, 1), append(2, 1), compact(1, 1)}, false)},
            {"reset", after({append(1, 1), reset(9, 2), append(10, 2), peers(4)}, false)},
            {"fence", after({append(1, 1), fence(2), vote(2, 1)}, false)},
            {"rotated", after(rotated, false)}};
}

}  // namespace

extern const fuzz::target wal_target;
const fuzz::target wal_target{"wal", run_wal, reseal_wal, wal_seeds};
