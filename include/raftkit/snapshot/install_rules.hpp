#pragma once
// Install meets install: what a follower does with an offer while another transfer may be under
// way. A pure table; the first row that holds decides (design §10, "Conflicts"; S003-36).
//
//   1  of an older term than the running one     stale         the leader of that term is gone
//   2  at or below what is committed here        already_have  known bug 49
//   3  nothing runs                              start
//   4  the same id, in whatever term             resume        staged counts; a retry takes over
//   5  older, in the same term                   stale
//   6  another one while restoring               busy          the swap is not taken back
//   7  another one in a new term                 replace       its leader may not have the old one
//   8  newer while fetching, and the leader's    finish        it is enough, and nearly here
//      log still goes on from the running one
//   9  newer while fetching, otherwise           replace

#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

enum class install_stage : u8 { none, fetching, restoring };

struct running_install {
    install_stage stage = install_stage::none;
    snapshot_id id;
    term_t term;  // in which it was offered, or resumed, last
};

struct offered_install {
    snapshot_id id;
    term_t term;
    index_t leader_first;  // the first index of the leader's log, as far as known; 0: unknown
};

enum class install_verdict : u8 { start, resume, finish, replace, stale, busy, already_have };

struct install_decision {
    install_verdict verdict{};
    u8 row = 0;  // of the table above, for tests and traces
};

constexpr install_decision decide_install(const running_install& running,
                                          const offered_install& offered, index_t commit) noexcept {
    const bool runs = running.stage != install_stage::none;
    if (runs && offered.term < running.term) return {install_verdict::stale, 1};
    if (offered.id.at.index <= commit) return {install_verdict::already_have, 2};
    if (!runs) return {install_verdict::start, 3};
    if (offered.id == running.id) return {install_verdict::resume, 4};
    if (offered.term == running.term && older(offered.id, running.id))
        return {install_verdict::stale, 5};
    if (running.stage == install_stage::restoring) return {install_verdict::busy, 6};
    if (offered.term != running.term) return {install_verdict::replace, 7};
    const bool reaches_back =
        bool(offered.leader_first) && offered.leader_first <= running.id.at.index.next();
    if (reaches_back) return {install_verdict::finish, 8};
    return {install_verdict::replace, 9};
}

RAFTKIT_NAMESPACE_END
