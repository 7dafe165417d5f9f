#pragma once
// Policies: pure noexcept questions about plain facts. They get no handle to anything, are never
// called under a lock and never by the core. The same facts after the same questions have the same
// answer; `wake_at` names no instant that a question has seen; what may be given up (log behind
// keep_from, a snapshot that is not kept) is not wanted back. testing/conform/policies.hpp tries
// it.
//
// An executor finishes each job once, in the order of run(), one at a time, without an error; a job
// may be run again from its own finish. When it ends, what waits is run or finished `stopped`, and
// nothing afterwards. Where a job runs is the executor's kind (testing/conform/executor.hpp).

#include <concepts>
#include <type_traits>

#include <raftkit/concepts/storage.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct trigger_verdict {
    const char* cause = nullptr;
    constexpr explicit operator bool() const noexcept { return cause != nullptr; }
};

struct growth {  // since the newest durable snapshot
    u64 entries = 0, bytes = 0;
    u64 snapshot_bytes = 0;  // of that snapshot; 0: none yet
    log_id applied{}, snapshot{};
    index_t last{}, slowest_match{};  // of the reachable peers; last if not leader
    instant snapshot_at{}, serving_since{};
    duration apply_cost{}, restore_cost{};
    bool leading = false, learner_healthy = false, closing = false;
};
template <class T>
concept snapshot_trigger = requires(T& t, const growth& g, instant now) {
    { t.due(g, now) } noexcept -> std::same_as<trigger_verdict>;
};
template <class T>
concept timed_trigger = snapshot_trigger<T> && requires(const T& t, const growth& g) {
    { t.wake_at(g) } noexcept -> std::same_as<instant>;
};

struct log_shape {
    index_t first{}, last{}, applied{};
    index_t snapshot{}, previous_snapshot{}, oldest_kept{};
    index_t slowest_match{};
    u64 bytes = 0;
    u32 bytes_per_entry = 0;
    instant now{}, snapshot_at{};
};
template <class C>
concept compaction_policy = requires(const C& c, const log_shape& l) {  // the node clamps
    { c.keep_from(l) } noexcept -> std::same_as<index_t>;
};
template <class C>
concept timed_compaction = compaction_policy<C> && requires(const C& c, const log_shape& l) {
    { c.wake_at(l) } noexcept -> std::same_as<instant>;
};

struct kept_snapshot {
    snapshot_id id{};
    u64 bytes = 0;
    u32 rank = 0;  // 0: newest
    instant published_at{};
    snapshot_origin origin{};
};
template <class R>
concept retention_policy = requires(const R& r, const kept_snapshot& s, instant now) {
    { r.keeps(s, now) } noexcept -> std::same_as<bool>;
};

enum class bulk_use : u8 { save, send, receive, restore, scrub };
struct bulk_request {
    bulk_use use{};
    u32 bytes = 0;
    bool log_busy = false;
};
template <class T>
concept throttle_policy =
    requires(T& t, const bulk_request& r, instant now) {  // when these bytes may go
        { t.admit(r, now) } noexcept -> std::same_as<instant>;
    };

struct install_clash {
    log_id saving{}, offered{};
};
enum class clash_verdict : u8 { cancel_save, finish_save_first, run_both };
template <class C>
concept install_conflict_policy = requires(const C& c, const install_clash& k) {
    { c.decide(k) } noexcept -> std::same_as<clash_verdict>;
};

enum class damage_verdict : u8 { refuse, repair };
template <class C>
concept corruption_policy = requires(const C& c, const damage& d) {
    { c.decide(d) } noexcept -> std::same_as<damage_verdict>;
    requires !C::repairs || C::repairs;
};

template <class X>
concept executor = requires(X& x, operation& job) {
    { x.run(job) } noexcept -> need::gives_nothing;
};
template <class X>
concept bindable_executor =
    executor<X> && requires(X& x, completion_port p) {  // once, before the first run
        { x.bind(p) } noexcept;
    };

template <class T>
using bare = std::remove_reference_t<T>;

template <class P>
concept policies = requires(P& p) {
    requires snapshot_trigger<bare<decltype((p.trigger))>>;
    requires compaction_policy<bare<decltype((p.compaction))>>;
    requires retention_policy<bare<decltype((p.retention))>>;
    requires throttle_policy<bare<decltype((p.throttle))>>;
    requires install_conflict_policy<bare<decltype((p.conflict))>>;
    requires corruption_policy<bare<decltype((p.corruption))>>;
    requires executor<bare<decltype((p.apply_on))>>;
    requires executor<bare<decltype((p.work_on))>>;
    p.observer;
};

RAFTKIT_NAMESPACE_END
