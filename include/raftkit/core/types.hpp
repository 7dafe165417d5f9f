#pragma once
// The words of Raft as types: positions, identities, members, snapshots. No behaviour beyond the
// vote rule.

#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

using term_t = ordinal<struct term_tag>;
using index_t = ordinal<struct index_tag>;
using node_id = ordinal<struct node_id_tag>;
using ticket = ordinal<struct ticket_tag>;  // names one persist batch; strictly increasing
using request_id = ordinal<struct request_id_tag>;

// A larger term can't be reached by counting; a peer that names one lies (scenario A17).
inline constexpr term_t term_max{u64{1} << 62};
inline constexpr index_t index_max{u64{1} << 62};
inline constexpr u32 peers_max = 32;
inline constexpr u32 address_bytes_max = 255;

struct log_id {
    index_t index;
    term_t term;
    friend constexpr bool operator==(log_id, log_id) noexcept = default;
};
// The vote rule, Raft §5.4.1.
constexpr bool at_least_as_new(log_id a, log_id b) noexcept {
    return a.term != b.term ? a.term > b.term : a.index >= b.index;
}

struct identity {
    u64 cluster = 0;
    u64 group = 1;
    node_id self;
    u64 incarnation = 0;  // 48 random bits drawn with the directory, 16 that count its fences
};

struct hard_state {
    term_t term;
    node_id voted_for;
    index_t commit_hint;  // never above what was stable; may be older
    friend constexpr bool operator==(const hard_state&, const hard_state&) noexcept = default;
};

enum class member_role : u8 { none, voter, learner, witness };

struct member {
    node_id id;
    member_role role = member_role::voter;     // in the incoming half
    member_role old_role = member_role::none;  // in the outgoing half; read only while joint
    u64 incarnation = 0;                       // 0: a bootstrap member, bound by the peer_book
    std::string address;                       // opaque to the core, at most 255 bytes
    friend bool operator==(const member&, const member&) = default;
};

struct configuration {  // at most 32 members: checked when decoded, never assumed
    index_t index;      // of its entry; 0: the bootstrap configuration
    bool joint = false;
    std::vector<member> members;  // sorted by id

    const member* find(node_id id) const noexcept {
        for (const member& each : members) {
            if (each.id == id) return &each;
        }
        return nullptr;
    }
    // A voter of either half has a vote (known bug 7).
    bool votes(node_id id) const noexcept {
        const member* found = find(id);
        return found != nullptr && (found->role == member_role::voter ||
                                    (joint && found->old_role == member_role::voter));
    }
    friend bool operator==(const configuration&, const configuration&) = default;
};

struct snapshot_id {  // the same position from two leaders is not the same bytes
    log_id at;
    u64 nonce = 0;
    friend constexpr bool operator==(snapshot_id, snapshot_id) noexcept = default;
};
// The one order of snapshots: by index, then term, then nonce (known bug 51).
constexpr bool older(snapshot_id a, snapshot_id b) noexcept {
    if (a.at.index != b.at.index) return a.at.index < b.at.index;
    if (a.at.term != b.at.term) return a.at.term < b.at.term;
    return a.nonce < b.nonce;
}

using digest128 = std::array<u64, 2>;  // made by base/checksum.hpp

enum class snapshot_origin : u8 { captured, installed, imported };

struct snapshot_meta {  // what the core needs of a snapshot
    snapshot_id id;
    configuration members;  // in force at id.at.index
    u64 bytes = 0;
    digest128 digest{};
    u32 sections = 0;
    u16 format = 1;
    snapshot_origin origin = snapshot_origin::captured;
    bool installing = false;  // until settle()
    friend bool operator==(const snapshot_meta&, const snapshot_meta&) = default;
};

struct snapshot_basis {  // answer of consensus::basis_at
    log_id at;
    configuration members;
};

struct log_base {
    log_id at;
    configuration members;
};

enum class role_kind : u8 { follower, pre_candidate, candidate, leader };

constexpr const char* name_of(role_kind role) noexcept {
    switch (role) {
        case role_kind::follower: return "follower";
        case role_kind::pre_candidate: return "precandidate";
        case role_kind::candidate: return "candidate";
        case role_kind::leader: return "leader";
    }
    return "?";
}

RAFTKIT_NAMESPACE_END
