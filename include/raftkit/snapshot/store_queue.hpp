#pragma once
// The small calls to a store, one after another on the work executor: list, remove, settle,
// quarantine, each followed by the listing that is true afterwards. One job exists however long the
// queue is, so nothing is allocated a call and their order is the order in which they were asked
// for.
//
//   add(request) -> start(): the job to run -> snapshot_step -> finished(): outcome -> start() ..

#include <optional>
#include <utility>
#include <vector>

#include <raftkit/base/ring.hpp>
#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/snapshot/work_job.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct store_request {
    enum class kind : u8 { recover, list, remove, settle, quarantine, forget } what = kind::list;
    snapshot_id id;
    identity who;  // recover
};

struct store_outcome {
    store_request asked;
    error status;
    store_report report;  // recover
    std::optional<std::vector<snapshot_manifest>> listing;
};

template <class Store>
class store_job : public work_job {
public:
    store_job(Store& store, completion_port to) noexcept
        : work_job(&run_job_step<store_job>, to, bulk_use::scrub), store_(&store) {}

    void begin(store_request asked) {
        outcome = {};
        outcome.asked = std::move(asked);
        status = {};
        done = false;
    }
    void step() noexcept {
        outcome.status = status = call();
        result<std::vector<snapshot_manifest>> listed = store_->list();
        if (listed) outcome.listing = std::move(*listed);
        if (!listed && !status) outcome.status = status = listed.why();
        done = true;
    }

    store_outcome outcome;

private:
    error call() noexcept {
        switch (outcome.asked.what) {
            case store_request::kind::recover: {
                result<store_report> seen = store_->recover(outcome.asked.who);
                if (seen) outcome.report = std::move(*seen);
                return seen.why();
            }
            case store_request::kind::list: return {};
            case store_request::kind::remove: return store_->remove(outcome.asked.id).why();
            case store_request::kind::settle: return store_->settle(outcome.asked.id).why();
            case store_request::kind::quarantine: return quarantine();
            case store_request::kind::forget: return forget();
        }
        return {};
    }
    error quarantine() noexcept {
        if constexpr (quarantining_store<Store>) {
            return store_->quarantine(outcome.asked.id).why();
        } else {
            return store_->remove(outcome.asked.id).why();
        }
    }

    error forget() noexcept {
        if constexpr (forgetting_store<Store>) return store_->forget_staged().why();
        return {};
    }

    Store* store_;
};

template <class Store>
class store_queue {
public:
    store_queue(Store& store, completion_port to) noexcept : job_(store, to) {}
    store_queue(store_queue&&) = delete;  // the executor holds a pointer to the job

    void add(store_request asked) { waiting_.push_back(std::move(asked)); }
    // The job, if it is free and something waits: hand it to the executor. Null otherwise.
    work_job* start() {
        if (job_.running || waiting_.empty()) return nullptr;
        job_.begin(std::move(waiting_.front()));
        waiting_.pop_front();
        job_.running = true;
        return &job_;
    }
    bool owns(const operation* job) const noexcept { return job == &job_; }
    // Requires: its snapshot_step arrived. Valid until the next start().
    store_outcome& finished() noexcept {
        RAFTKIT_ASSERT(job_.running && job_.done);
        job_.running = false;
        return job_.outcome;
    }
    bool idle() const noexcept { return !job_.running && waiting_.empty(); }

private:
    store_job<Store> job_;
    ring<store_request> waiting_;
};

RAFTKIT_NAMESPACE_END
