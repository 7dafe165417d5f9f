// Configurations and what a snapshot says of itself, as they stand in entries, records of the log
// and offers. Both formats have one form a value: what is accepted is encoded again, byte for byte.
#include "fuzz.hpp"

#include <raftkit/core/snapshot_meta.hpp>

using namespace raftkit;

namespace {

void check_members(const configuration& of) {
    FUZZ_PROPERTY(of.members.size() <= peers_max);
    if (of.members.empty()) return;
    FUZZ_PROPERTY(!check_configuration(of));
    bool voter = false;
    for (const member& each : of.members) {
        FUZZ_PROPERTY(each.address.size() <= address_bytes_max);
        FUZZ_PROPERTY(of.find(each.id) == &each);
        voter |= of.votes(each.id);
    }
    FUZZ_PROPERTY(voter);
}

// The first byte says which of the two it is.
void run_configuration(byte_span input) {
    if (input.empty()) return;
    const fuzz::exact_copy held(input.subspan(1));
    fuzz::bytes again;
    if (input[0] == std::byte{0}) {
        const auto read = decode_configuration(held.bytes());
        if (!read) return;
        check_members(*read);
        encode(*read, again);
        FUZZ_PROPERTY(again.size() == encoded_bytes(*read));
    } else {
        const auto read = decode_snapshot_meta(held.bytes());
        if (!read) return;
        check_members(read->members);
        FUZZ_PROPERTY(read->id.at.index && read->id.at.index <= index_max);
        encode(*read, again);
        FUZZ_PROPERTY(again.size() <= snapshot_meta_bytes_max);
    }
    FUZZ_PROPERTY(fuzz::same(again, held.bytes()));
}

configuration members_of(u64 count, bool joint) {
    configuration made;
    made.index = {41};
    made.joint = joint;
    for (u64 id = 1; id <= count; ++id) {
        const bool voter = id % 3 != 0;
        made.members.push_back({{id},
                                voter ? member_role::voter : member_role::learner,
                                joint ? member_role::voter : member_role::none,
                                id << 16,
                                "10.0.0." + std::to_string(id) + ":7101"});
    }
    return made;
}

fuzz::bytes with_kind(u8 kind, const fuzz::bytes& encoded) {
    fuzz::bytes made{std::byte(kind)};
    fuzz::append(made, encoded);
    return made;
}

std::vector<fuzz::seed> configuration_seeds() {
    std::vector<fuzz::seed> made;
    for (const u64 count : {0u, 1u, 3u, 32u}) {
        for (const bool joint : {false, true}) {
            fuzz::bytes encoded;
            encode(members_of(count, joint), encoded);
            made.push_back({"members_" + std::to_string(count) + (joint ? "_joint" : ""),
                            with_kind(0, encoded)});
        }
    }
    snapshot_meta meta;
    meta.id = {{{90}, {5}}, 77};
    meta.members = members_of(3, true);
    meta.bytes = 1234;
    meta.digest = {1, 2};
    meta.sections = 2;
    meta.origin = snapshot_origin::installed;
    meta.installing = true;
    fuzz::bytes encoded;
    encode(meta, encoded);
    made.push_back({"meta", with_kind(1, encoded)});
    return made;
}

}  // namespace

extern const fuzz::target configuration_target;
const fuzz::target configuration_target{"configuration", run_configuration, nullptr,
                                        configuration_seeds};
