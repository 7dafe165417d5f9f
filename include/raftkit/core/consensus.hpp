#pragma once
// The consensus core: a function (state, input) -> effects. It does no I/O, reads no clock, starts
// no thread and draws randomness only from its seed, so that every run can be replayed. Whatever
// must wait for the disk waits in here (design §3), so that a host can't get the order wrong: it
// may carry out the kinds of effects in any order.
//
// Threads: one, the raft context. Every call is noexcept; a steady state allocates nothing. The
// bodies are in core/consensus/*.hpp, a file for each thing that can happen.

#include <variant>

#include <raftkit/core/configuration_change.hpp>
#include <raftkit/core/configuration_history.hpp>
#include <raftkit/core/effects.hpp>
#include <raftkit/core/election.hpp>
#include <raftkit/core/fence.hpp>
#include <raftkit/core/in_place.hpp>
#include <raftkit/core/log.hpp>
#include <raftkit/core/progress.hpp>
#include <raftkit/core/reads.hpp>
#include <raftkit/core/recovered.hpp>
#include <raftkit/core/snapshot_flow.hpp>
#include <raftkit/core/snapshot_meta.hpp>
#include <raftkit/core/stable_watermark.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

struct invariants;

class consensus {
public:
    // Requires: `found` passed reconcile() without damage, `numbers` passed validate().
    consensus(const identity& who, const options& numbers, recovered&& found, u64 seed) noexcept;
    consensus(consensus&&) = delete;

    // Inputs: each changes the state and adds to the pending effects.
    void advance(instant now) noexcept;  // the only notion of time
    // The same without the timers: dates what is received before advance() judges the silence.
    void date(instant now) noexcept { now_ = std::max(now_, now); }
    void receive(
        const envelope& mail) noexcept;  // hostile input is counted and dropped, never trusted
    // Copied and checksummed into the open block; unix_ns 0: not stamped. Errors: not_leader, busy,
    // too_large.
    result<log_id> propose(entry_kind kind, byte_span command, i64 unix_ns = 0) noexcept;
    // Large: becomes a run of its own without a copy if it has 40 bytes of headroom and 8 of room
    // behind.
    result<log_id> propose(entry_kind kind, buffer command, i64 unix_ns = 0) noexcept;
    result<log_id> change_members(configuration next) noexcept;
    result<void> read(request_id id, bool lease_allowed) noexcept;
    result<void> transfer_to(node_id target) noexcept;  // 0: the best follower
    void peer_changed(node_id peer, bool reachable) noexcept;
    void persisted(ticket upto) noexcept;
    void loaded(request_id id, error status, std::span<const run> entries) noexcept;
    void applied(index_t upto) noexcept;
    void snapshot_published(const snapshot_meta& meta) noexcept;  // ours, durable and listed
    bool snapshot_received(
        const snapshot_meta& meta) noexcept;  // leader's, durable: restore it, or only keep it
    void snapshot_filled(snapshot_id id) noexcept;  // the restore writer is full
    void accept_failed(snapshot_id id, install_status status) noexcept;
    void snapshot_restored(snapshot_id id) noexcept;
    // At start: the snapshot that was to be restored is damaged, another one takes its place; null:
    // the log alone. False, and nothing changed: the log does not go on from there.
    bool restore_instead(const snapshot_meta* older) noexcept;
    void ship_ended(node_id to, snapshot_id id, errc why) noexcept;
    void compact_to(index_t keep_from) noexcept;
    void fence(const fence_mark& mark) noexcept;  // lifted by the core itself
    void stop(error why) noexcept;
    result<void> reconfigure(const options& numbers) noexcept;  // effective at the next decision

    // Questions.
    bool admits(node_id from, term_t term,
                snapshot_id id) const noexcept;  // may this bulk message be looked at?
    result<snapshot_basis> basis_at(index_t at) const noexcept;
    bool has_effects() const noexcept { return (u32{work_} | pending().has) != 0; }
    effects& take_effects() noexcept;   // the full one of the two; valid until the next call
    instant deadline() const noexcept;  // call advance() no later than this
    const core::status& status() const noexcept;
    const configuration& members() const noexcept { return members_.latest(); }
    const configuration& members_at(index_t at) const noexcept { return members_.at(at); }
    const identity& who() const noexcept { return who_; }
    term_t term_at(index_t at) const noexcept { return log_.term_at(at); }
    term_t term() const noexcept { return hard_.term; }
    index_t commit() const noexcept { return commit_; }
    u64 rejected() const noexcept { return rejected_; }
    bool leads() const noexcept { return std::holds_alternative<leader_state>(role_); }
    const peer_book& peers() const noexcept { return book_; }
    const core::options& numbers() const noexcept { return options_; }
    // Voters that have not yet registered this node's incarnation; empty once joined (design §11,
    // Bootstrap).
    std::vector<node_id> waits_for() const;

private:
    friend struct invariants;

    static constexpr std::size_t book_entries_max = 2 * peers_max;
    // A campaign's request, a vote, an introduction and its answer for each peer.
    static constexpr std::size_t held_messages_max = 4 * peers_max;

    // What a message that is held back waits for: versions of what must be durable.
    struct stamp {
        u64 hard = 0, book = 0, reset = 0;
        bool reached(const stamp& by) const noexcept {
            return hard <= by.hard && book <= by.book && reset <= by.reset;
        }
    };
    struct held_message {
        stamp needs;
        term_t term;
        envelope mail;
    };
    struct issued_batch {
        ticket id;
        stamp carries;
    };
    struct lent_range {
        index_t last;
        u64 bytes = 0;
    };
    struct follower_state {
        node_id leader;
    };
    struct candidate_state {
        bool pre = false;
        u64 round = 0;
        ballots votes;
        u64 own_vote = 0;  // hard version that makes our own vote durable; 0: counted
    };
    struct transfer_state {
        node_id target;
        instant deadline;
        bool sent = false;
    };
    struct leader_state {
        std::vector<progress> peers;
        voter_table voters;  // positions in peers
        index_t barrier;     // first entry of this term
        read_queue reads;
        instant heartbeat_at, quorum_at, notice_at = never;
        bool heartbeat_due = false;
        bool lease_revoked = false;
        bool resigning = false;
        bool leaving = false;  // some peer is
        std::optional<transfer_state> transfer;
    };
    // What the follower owes its leader: one reply a poll, a watermark.
    struct owed_reply {
        bool due = false, refuses = false;
        index_t rejected;
        log_id conflict;
        u64 read_round = 0, answered_round = 0;
        index_t acked;
    };
    // Effects, and what they lend until the next ones are taken.
    struct turn {
        effects out;
        hard_state hard;
        std::vector<run_view> append;
        std::vector<run> loads;  // for a laggard
        fence_mark fence;
        peer_book book;
        log_base base;
    };

    // consensus.hpp: shared helpers
    effects& out() noexcept { return filling_->out; }
    const effects& pending() const noexcept { return filling_->out; }
    // There is something to do when the effects are taken; touch(): perhaps for peers, too.
    void stir() noexcept {
        work_ = true;
        status_stale_ = true;
    }
    void touch() noexcept {
        stir();
        peers_due_ = true;
    }
    leader_state* leading() noexcept { return std::get_if<leader_state>(&role_); }
    const leader_state* leading() const noexcept { return std::get_if<leader_state>(&role_); }
    candidate_state* campaigning() noexcept { return std::get_if<candidate_state>(&role_); }
    role_kind role() const noexcept;
    node_id leader() const noexcept;
    bool running() const noexcept { return !stopped_; }
    stamp now_stamp() const noexcept { return {hard_version_, book_version_, reset_version_}; }
    stamp carried() const noexcept { return issued_.empty() ? durable_ : issued_.back().carries; }
    bool hard_is_durable() const noexcept { return hard_version_ <= durable_.hard; }
    void hard_changed() noexcept;
    void book_changed() noexcept;
    bool forget_stranger() noexcept;
    void forget_removed() noexcept;
    void reject() noexcept;
    void announce_role() noexcept;
    void announce_members(const configuration& now) noexcept;
    template <class Body, class... Fields>
    void send_now(node_id to, const Fields&... fields) noexcept;
    template <class Body>
    void send_held(node_id to, const stamp& needs, const Body& body) noexcept;
    void make_room_to_hold(node_id to) noexcept;
    void release_held() noexcept;
    void empty(turn& taken) noexcept;
    void empty_rare(turn& taken, u32 has) noexcept;

    // consensus/receive.hpp
    bool knows_sender(const envelope& mail) noexcept;
    template <class Body>
    bool take(const envelope& mail) noexcept;
    void receive_rare(const envelope& mail) noexcept;
    void on(node_id from, const vote_request& asked) noexcept;
    void on(node_id from, const vote_reply& answer) noexcept;
    void on(node_id from, const append_request& request) noexcept;
    void on(node_id from, const append_reply& reply) noexcept;
    void on(node_id from, const timeout_now& order) noexcept;
    void on(node_id from, const introduce& who) noexcept;
    void on(node_id from, const snapshot_offer& offer) noexcept;
    void on(node_id from, const snapshot_done& done) noexcept;
    bool follow(node_id from, term_t term) noexcept;
    bool follow_anew(node_id from, term_t term) noexcept;
    void take_entries(const append_request& request) noexcept;
    void take_above_base(const append_request& request, bool has_members) noexcept;
    void take_sound(const run_view& entries, index_t previous, index_t commit,
                    bool has_members) noexcept;
    bool store_entries(const run_view& entries, bool has_members) noexcept;
    bool store_overlapping(const run_view& entries, bool has_members) noexcept;
    void refuse_append(index_t previous, term_t term) noexcept;
    void raise_commit(index_t to) noexcept;
    void flush_reply() noexcept;
    bool may_acknowledge() const noexcept;

    // consensus/elect.hpp
    void become_follower(term_t term, node_id leader) noexcept;
    void become_leader() noexcept;
    void leave_office() noexcept;
    void campaign(bool forced) noexcept;
    void count_votes() noexcept;
    void own_vote_durable() noexcept;
    bool may_vote() const noexcept;
    bool is_needed() const noexcept;
    const configuration* outgoing_members() const noexcept;
    bool named_in(const configuration& members) const noexcept;
    bool may_campaign() const noexcept;
    bool sticky() const noexcept;
    duration promised() const noexcept {
        return options_.lease_reads ? promise_timeout_ : options_.election_timeout_min;
    }
    bool at_least_as_new_as_ours(log_id candidate) const noexcept;
    void check_quorum() noexcept;
    void introduce_self() noexcept;
    void try_join() noexcept;
    void lift_fence() noexcept;

    // consensus/replicate.hpp, consensus/persist.hpp
    void append_own(entry_kind kind, const run_view& made) noexcept;
    result<void> may_propose(u64 bytes) const noexcept;
    void flush_leader() noexcept;
    void flush_peer(leader_state& office, progress& peer, bool round_begins) noexcept;
    void send_append(leader_state& office, progress& peer, const run_view& entries) noexcept;
    void send_heartbeat(leader_state& office, progress& peer) noexcept;
    void request_load(progress& peer) noexcept;
    void try_commit() noexcept;
    void flush_persist() noexcept;
    void flush_book(persist_batch& batch) noexcept;
    void flush_rare(persist_batch& batch) noexcept;
    void flush_apply() noexcept;
    void load_for_machine(index_t limit) noexcept;
    void handed_out(const run_view& range) noexcept;
    void release_replayed() noexcept;
    u64 resident_max() const noexcept;
    void evict() noexcept;
    progress* peer(node_id id) noexcept;

    // consensus/read.hpp
    void confirm_reads() noexcept;
    void fail_reads(leader_state& office) noexcept;

    // consensus/change.hpp
    void name_learners() noexcept;
    void forget_namesakes(const configuration& before, const configuration& next) noexcept;
    void name_members(const configuration& now, configuration& next) noexcept;
    void append_membership(configuration next) noexcept;
    void members_in_force() noexcept;
    void count_voters(leader_state& office) noexcept;
    void members_committed(index_t before) noexcept {
        const configuration& now = members_.latest();
        if (now.index > before && now.index <= commit_) members_committed(now);
    }
    void members_committed(const configuration& now) noexcept;
    void advance_transfer() noexcept;
    void end_transfer(error how) noexcept;

    // consensus/snapshot.hpp
    void answer_offer(install_status status, snapshot_id id, index_t match, node_id to) noexcept;
    void maybe_restore() noexcept;
    void close_flow_as_kept() noexcept;
    void reset_log_to(const snapshot_meta& meta) noexcept;
    void snapshot_effects(snapshot_effect what) noexcept;

    identity who_;
    core::options options_;
    // The shortest and the longest election_timeout_min since the start: a lease counts on the one,
    // promises keep the other, because the numbers of one node alone must not stretch a lease.
    duration lease_timeout_, promise_timeout_;
    prng random_;
    instant now_{};
    bool started_ = false;  // advance() was called
    std::variant<follower_state, candidate_state, leader_state> role_;
    hard_state hard_;
    peer_book book_;
    std::vector<node_id> book_order_;  // the book's ids in the order of their arrival
    fence_state fence_;
    block_pool pool_;  // before everything that holds its blocks
    run_builder builder_;
    log log_;
    configuration_history members_;
    stable_watermark stable_;

    index_t commit_, applied_, handed_;
    log_cursor apply_cursor_, persist_cursor_;
    ring<lent_range> lent_;
    u64 lent_bytes_ = 0;
    ring<run> replayed_;  // loaded for the machine, lent until applied
    request_id requests_, apply_load_;
    u64 uncommitted_bytes_ = 0;  // appended and not yet handed to the machine

    // Durability of what is not an entry.
    u64 hard_version_ = 0, book_version_ = 0, reset_version_ = 0;
    enum : u32 { hard_dirty = 1, fence_dirty = 2, reset_dirty = 4, book_dirty = 8 };
    u32 dirty_ = 0;  // not yet in a batch
    stamp durable_;
    ring<issued_batch> issued_;
    std::vector<held_message> held_;

    // Follower's view of its leader.
    index_t verified_;  // equal to the leader's log up to here, in this term
    instant heard_at_{};
    bool heard_ = false;
    owed_reply reply_;

    election_timer timer_;
    u64 rounds_ = 0;
    instant refuse_votes_until_{};
    bool unnamed_learners_ = false;  // some learner's incarnation is not in the configuration
    std::vector<std::pair<node_id, term_t>> introduced_;
    instant introduce_at_{};

    snapshot_flow flow_;
    std::optional<snapshot_meta> newest_;  // newest durable snapshot
    bool opening_restore_ = false;         // the start plan's restore is not finished

    error stopped_;
    u64 rejected_ = 0, elections_ = 0, leaderships_ = 0;
    role_change announced_{};

    turn turns_[2];
    turn* filling_ = turns_;
    bool work_ = true, peers_due_ = true;

    mutable core::status status_;
    mutable bool status_stale_ = true;
};

}  // namespace core

RAFTKIT_NAMESPACE_END

// In this order: later files use helpers of earlier ones.
// clang-format off
#include <raftkit/core/consensus/state.hpp>
#include <raftkit/core/consensus/elect.hpp>
#include <raftkit/core/consensus/receive.hpp>
#include <raftkit/core/consensus/replicate.hpp>
#include <raftkit/core/consensus/persist.hpp>
#include <raftkit/core/consensus/read.hpp>
#include <raftkit/core/consensus/change.hpp>
#include <raftkit/core/consensus/snapshot.hpp>
// clang-format on
