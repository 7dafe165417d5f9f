#pragma once
// Where the snapshot state machines meet the node: it carries out what coordinator, sender and
// receiver order, owns the jobs on the work executor, and asks the policies (trigger, compaction,
// retention, throttle, conflict).
//
//   core's effects ----> ship, accept, cancel, restore --> coordinator / sender / receiver
//   snapshot_step -----> stepped -----------------------^        | snapshot_actions
//   progress of apply -> captured, filled, committed ---^        v
//                                    orders, first to last: jobs, captures, inputs of the core
//                                    offers and pieces: the transport
//
// The calling conventions are those of snapshot/{coordinator,sender,receiver}.hpp. Raft context
// only.

#include <memory>
#include <optional>
#include <vector>

#include <raftkit/node/parts.hpp>
#include <raftkit/snapshot/coordinator.hpp>
#include <raftkit/snapshot/receiver.hpp>
#include <raftkit/snapshot/restore_job.hpp>
#include <raftkit/snapshot/save_job.hpp>
#include <raftkit/snapshot/sender.hpp>
#include <raftkit/snapshot/store_queue.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class Parts>
class snapshot_desk {
public:
    using machine = typename Parts::machine_type;
    using store = typename Parts::store_type;
    using image = image_of<machine>;
    using writer = restore_writer_of<machine>;

    explicit snapshot_desk(Parts& parts);
    snapshot_desk(snapshot_desk&&) = delete;

    // ---- life ----
    void listed(const std::vector<snapshot_manifest>& listing);
    // The start plan's restore: into the machine before anything is applied. Then done() of
    // opening.
    void restore_at_open(const snapshot_meta& of);
    void serving(bool on);
    void close(instant deadline);
    // No job is with an executor, nothing waits for one.
    bool idle() const noexcept;
    // Cancels whatever may be cancelled, so that idle() comes soon.
    void hurry();

    // ---- requests and effects ----
    void request(snapshot_ticket& asked);
    void cancel_asked();
    void effect(snapshot_effect& what);
    void want(node_id from, const snapshot_want& asked);
    void piece(node_id from, const snapshot_piece& got);
    void heard_done(node_id from, const snapshot_done& done);
    void peer_changed(node_id peer, bool reachable);
    void stepped(const snapshot_step& step);

    // ---- progress ----
    // After a step of the machine queue; before its progress is cleared.
    void machine_moved(typename applier<machine>::progress_t& moved);
    void stable_reached(index_t stable);
    void role_changed(bool leads);
    void advance();
    void execute();
    instant deadline() const noexcept;
    bool has_orders() const noexcept { return !actions_.empty(); }
    void reconfigure();

    const coordinator& saves() const noexcept { return coordinator_; }
    bool installing() const noexcept { return receiver_.phase() != receive_phase::idle; }
    bool restoring_at_open() const noexcept { return opening_; }
    error open_failure() const noexcept { return open_failure_; }
    // What of the disk was to blame for it, if anything.
    const std::optional<damage>& open_damage() const noexcept { return open_damage_; }
    // An in_place_machine that is neither what it was nor what it was to be: until an install.
    error machine_lost() const noexcept { return machine_lost_; }
    index_t commit_when_lost() const noexcept { return commit_when_lost_; }
    // Whether stable_reached() has anything to tell; most nodes never install.
    bool watches_stable() const noexcept { return watches_stable_; }
    // Requires: a restore is being committed.
    term_t restoring_term() const noexcept { return restoring_->id.at.term; }

private:
    static constexpr bool in_place = in_place_machine<machine>;
    using save_t = save_job<image, store>;
    using restore_t = restore_job<writer, store>;
    // Lets an image die on the work executor.
    struct drop_job : work_job {
        drop_job(image gone, completion_port to)
            : work_job(&run_job_step<drop_job>, to, bulk_use::save), held(std::move(gone)) {}
        void step() noexcept {
            held.reset();
            done = true;
        }
        std::optional<image> held;
    };

    // One for each order; snapshot_desk_orders.hpp.
    void on(order::run_job& what);
    void on(order::hurry_job& what);
    void on(order::capture&);
    void on(order::drop_image&);
    void on(order::start_save& what);
    void on(order::cancel_save&);
    void on(order::finish_ticket& what);
    void on(order::save_failed& what);
    void on(order::look_again&);
    void on(order::want_capture& what);
    void on(order::ask_trigger&);
    void on(order::ask_compaction&);
    void on(order::ask_retention&);
    void on(order::remove_snapshot& what);
    void on(order::settle_snapshot& what);
    void on(order::quarantine_snapshot& what);
    void on(order::forget_staged&);
    void on(order::start_restore& what);
    void on(order::cancel_restore&);
    void on(order::install_began& what);
    void on(order::install_stored& what);
    void on(order::install_filled&);
    void on(order::install_ended& what);
    void on(order::tell_published& what);
    void on(order::tell_received& what);
    void on(order::tell_filled& what);
    void on(order::tell_accept_failed& what);
    void on(order::tell_ship_ended& what);
    template <class... Orders>
    void carry_out(std::variant<Orders...>& what) {
        ((std::get_if<Orders>(&what) != nullptr ? on(*std::get_if<Orders>(&what)) : void()), ...);
    }

    void run(work_job& job);
    void start(work_job& job);
    void begin_restore(const snapshot_meta& of);
    void save_stepped();
    void progressed(const work_job& job, u64 bytes);
    void restore_stepped();
    void store_called();
    void restored(snapshot_id id);
    void open_restore_failed(const snapshot_meta& of, error why, const std::string& file);
    bool fall_back(snapshot_id from);
    void restore_failed(error how);
    void commit_restore();
    growth facts() const noexcept;
    index_t lowest_held() const noexcept { return pins_.lowest_leased(); }

    Parts& parts_;
    snapshot_actions actions_;
    coordinator coordinator_;
    snapshot_pins pins_;
    sender<store> sender_;
    receiver<store> receiver_;
    store_queue<store> calls_;
    paced_jobs paced_;

    std::optional<image> image_;  // captured, not yet with a job
    std::optional<save_t> save_;
    const char* save_cause_ = "";
    instant save_began_{};
    std::vector<std::unique_ptr<drop_job>> drops_;

    std::optional<snapshot_meta> restoring_;  // begun by the machine queue, or in restore_
    std::optional<restore_t> restore_;
    bool restore_cancelled_ = false;
    bool committing_ = false;
    std::optional<snapshot_meta> restore_next_;   // waits for a cancelled one to die
    std::optional<snapshot_meta> in_place_next_;  // waits until the machine may be overwritten
    error machine_lost_;
    index_t commit_when_lost_;
    instant restore_began_{}, progress_at_{};
    u64 restored_bytes_ = 0;
    bool opening_ = false, watches_stable_ = false;
    error open_failure_;
    std::optional<damage> open_damage_;
    std::optional<snapshot_id>
        settle_first_;  // an install that a crash interrupted; open() finishes it

    // What a trigger asks about.
    u64 applied_bytes_ = 0, captured_bytes_ = 0, snapshot_bytes_ = 0;
    duration apply_cost_, restore_cost_;
    instant serving_since_{};
    bool serving_ = false;
    bool ask_trigger_ = false, ask_compaction_ = false;
    instant close_at_ = never;
};

RAFTKIT_NAMESPACE_END

#include <raftkit/node/snapshot_desk_bodies.hpp>
#include <raftkit/node/snapshot_desk_orders.hpp>
#include <raftkit/node/snapshot_desk_restore.hpp>
