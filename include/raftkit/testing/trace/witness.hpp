#pragma once
// The checkers of a simulated run, with a trace beside them: whatever they are told is also
// written, if somebody asked for it. Traces that the offline checker accepts are thus those of the
// same runs that the online checkers judge, from the same hooks, but judged from text alone.
//
//     trace_of_run wanted(writer);            // in the thread that makes and runs the cluster
//     cluster(draw_swarm(seed)).run();

#include <vector>

#include <raftkit/testing/check/safety.hpp>
#include <raftkit/testing/trace/writer.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline thread_local trace_writer* trace_wanted = nullptr;

class trace_of_run {
public:
    explicit trace_of_run(trace_writer& to) noexcept { trace_wanted = &to; }
    trace_of_run(trace_of_run&&) = delete;
    ~trace_of_run() { trace_wanted = nullptr; }
};

// The same functions as the checker's; each call goes on to it.
class witness : public safety {
public:
    explicit witness(configuration bootstrap) : safety(bootstrap), to_(trace_wanted) {
        if (to_ != nullptr) to_->boot(bootstrap);
    }

    void started(node_id who) {
        if (to_ != nullptr) to_->start(who);
        safety::started(who);
    }
    void crashed(node_id who) {
        if (to_ != nullptr) to_->crash(who);
        safety::crashed(who);
    }
    void recovered(node_id who, const hard_state& hard, log_id base, log_id last) {
        if (to_ != nullptr) to_->recover(who, hard, base, last);
        safety::recovered(who, hard, base, last);
    }
    void persisting(node_id who, const persist_batch& batch) {
        if (to_ != nullptr) to_->persist(who, batch);
        safety::persisting(who, batch);
    }
    void durable(node_id who, ticket upto) {
        if (to_ != nullptr) to_->durable(who, upto);
        safety::durable(who, upto);
    }
    void compacting(node_id who, const log_base& upto) {
        if (to_ != nullptr) to_->compact(who, upto.at);
        safety::compacting(who, upto);
    }
    void sending(node_id from, const envelope& mail) {
        if (to_ != nullptr) to_->send(from, mail);
        safety::sending(from, mail);
    }
    void observe(node_id who, const core::status& now) {
        if (to_ != nullptr) to_->state(who, now);
        safety::observe(who, now);
    }
    void check_in_force(node_id who, const configuration& members) {
        if (to_ != nullptr) to_->in_force(who, members);
        safety::check_in_force(who, members);
    }
    void applied(node_id who, const entry_view& entry) {
        if (to_ != nullptr && entry.kind == entry_kind::command) to_->apply(who, entry);
        safety::applied(who, entry);
    }
    void applied_command(node_id who, const entry_view& entry) {
        if (to_ != nullptr) to_->apply(who, entry);
        safety::applied_command(who, entry);
    }
    void published(node_id who, const snapshot_meta& meta) {
        if (to_ != nullptr) to_->publish(who, meta);
        safety::published(who, meta);
    }
    void removed(node_id who, snapshot_id id) {
        if (to_ != nullptr) to_->remove(who, id);
        safety::removed(who, id);
    }
    void rotted(node_id who, snapshot_id id) {
        if (to_ != nullptr) to_->rotten(who, id.at.index);
        safety::rotted(who, id);
    }
    void listed(node_id who, const std::vector<snapshot_meta>& all) {
        if (to_ != nullptr) to_->shelf(who, all);
        safety::listed(who, all);
    }
    void restored(node_id who, log_id at) {
        if (to_ != nullptr) to_->restore(who, at);
        safety::restored(who, at);
    }

private:
    trace_writer* to_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
