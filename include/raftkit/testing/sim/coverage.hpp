#pragma once
// The rare things of a simulation, as marks: a test that ran many seeds asks which of them never
// happened. They are set where the simulator sees a node from outside (its messages, batches,
// snapshots and states), so that they tell of any node, not of lines of one.

#include <span>
#include <string>

#include <raftkit/core/message.hpp>
#include <raftkit/core/persist.hpp>
#include <raftkit/core/status.hpp>

// X(name), in the order of their report.
#define RAFTKIT_SIM_MARKS(X)                                                   \
    X(sim_prevote_refused) /* a campaign that would have disturbed */          \
    X(sim_vote_refused)                                                        \
    X(sim_append_rejected) /* logs did not meet */                             \
    X(sim_append_conflict) /* and the follower said which term to skip */      \
    X(sim_read_round)      /* a read asked a majority */                       \
    X(sim_timeout_now)     /* a transfer came to its point */                  \
    X(sim_introduced)                                                          \
    X(sim_offer)                                                               \
    X(sim_install_done)                                                        \
    X(sim_install_needless) /* it had everything */                            \
    X(sim_install_busy)                                                        \
    X(sim_install_stale)                                                       \
    X(sim_install_cancelled)                                                   \
    X(sim_piece)                                                               \
    X(sim_piece_refused) /* the sender no longer has it */                     \
    X(sim_truncated)     /* a suffix was superseded */                         \
    X(sim_reset)         /* the log went for a snapshot */                     \
    X(sim_loaded)        /* entries came from the disk, not from memory */     \
    X(sim_compacted)                                                           \
    X(sim_died_in_a_call)  /* of a file, not between two */                    \
    X(sim_log_blocked)     /* a node waited for its disk */                    \
    X(sim_install_resumed) /* a later writer went on with what was staged */   \
    X(sim_staging_forgotten)                                                   \
    X(sim_quarantined)                                                         \
    X(sim_stepped_down) /* a leader heard of a newer term, or of nobody */     \
    X(sim_joint)                                                               \
    X(sim_learner_promoted)                                                    \
    X(sim_transferring)                                                        \
    X(sim_write_refused) /* certainly not executed */                          \
    X(sim_write_unknown)                                                       \
    X(sim_reply_lost) /* executed, but what it answered is below a snapshot */ \
    X(sim_read_refused)

RAFTKIT_NAMESPACE_BEGIN

namespace marks {
#define RAFTKIT_SIM_DECLARE(name) RAFTKIT_DECLARE_MARK(name);
RAFTKIT_SIM_MARKS(RAFTKIT_SIM_DECLARE)
#undef RAFTKIT_SIM_DECLARE
}  // namespace marks

namespace testing {

#define RAFTKIT_SIM_LIST(name) &raftkit::detail::mark_of<raftkit::marks::name>,
inline const raftkit::detail::mark* const sim_marks[] = {RAFTKIT_SIM_MARKS(RAFTKIT_SIM_LIST)};
#undef RAFTKIT_SIM_LIST

// Which of them no run of this process has reached; empty if none.
inline std::string never_reached(std::span<const raftkit::detail::mark* const> all) {
    std::string names;
    for (const raftkit::detail::mark* each : all) {
        if (each->hits.load(std::memory_order_relaxed) != 0) continue;
        names += (names.empty() ? "" : " ") + std::string(each->name);
    }
    return names;
}

inline void mark_install(install_status status) {
    switch (status) {
        case install_status::installed: RAFTKIT_MARK(sim_install_done); break;
        case install_status::already_have: RAFTKIT_MARK(sim_install_needless); break;
        case install_status::busy: RAFTKIT_MARK(sim_install_busy); break;
        case install_status::stale: RAFTKIT_MARK(sim_install_stale); break;
        case install_status::cancelled: RAFTKIT_MARK(sim_install_cancelled); break;
        default: break;
    }
}

inline void mark_sent(const message& of) {
    if (const auto* vote = std::get_if<vote_reply>(&of); vote != nullptr && !vote->granted) {
        if (vote->pre) {
            RAFTKIT_MARK(sim_prevote_refused);
        } else {
            RAFTKIT_MARK(sim_vote_refused);
        }
    } else if (const auto* reply = std::get_if<append_reply>(&of)) {
        if (reply->rejected) RAFTKIT_MARK(sim_append_rejected);
        if (reply->conflict.index) RAFTKIT_MARK(sim_append_conflict);
        if (reply->read_round != 0) RAFTKIT_MARK(sim_read_round);
    } else if (std::holds_alternative<timeout_now>(of)) {
        RAFTKIT_MARK(sim_timeout_now);
    } else if (std::holds_alternative<introduce>(of)) {
        RAFTKIT_MARK(sim_introduced);
    } else if (std::holds_alternative<snapshot_offer>(of)) {
        RAFTKIT_MARK(sim_offer);
    } else if (const auto* done = std::get_if<snapshot_done>(&of)) {
        mark_install(done->status);
    }
}
inline void mark_sent(const bulk_message& of) {
    const auto* piece = std::get_if<snapshot_piece>(&of);
    if (piece == nullptr) return;
    if (piece->status == errc::ok) {
        RAFTKIT_MARK(sim_piece);
    } else {
        RAFTKIT_MARK(sim_piece_refused);
    }
}

// Two looks at one node, in one life.
inline void mark_change(const core::status& before, const core::status& now) {
    if (before.role == role_kind::leader && now.role != role_kind::leader) {
        RAFTKIT_MARK(sim_stepped_down);
    }
    if (now.joint) RAFTKIT_MARK(sim_joint);
    if (now.transfer_target) RAFTKIT_MARK(sim_transferring);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
