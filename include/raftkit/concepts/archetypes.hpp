#pragma once
// Archetypes: for every concept a type that has what the concept asks for and nothing else. A
// template that compiles with an archetype uses no more than its concept promises; a concept that
// its archetype fails has grown in silence. Functions are declared only: archetypes are compiled,
// never run.

#include <raftkit/concepts/observer.hpp>
#include <raftkit/concepts/snapshot_store.hpp>
#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/concepts/transport.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace archetype {

struct storage {
    result<recovered_log> open(const identity&, completion_port);
    persisted persist(const persist_batch&) noexcept;
    void load(load_request) noexcept;
    void compact(const log_base&) noexcept;
    void close() noexcept;
};

struct transport {
    result<void> open(const identity&, completion_port);
    void send(const envelope&) noexcept;
    void send(const bulk_envelope&) noexcept;
    void members(const configuration&) noexcept;
    void close() noexcept;
};
struct pollable_transport : transport {
    result<void> attach(poller&);
    template <class Sink>
    void drain(Sink&) noexcept;
};

// Movable, and neither copyable nor default constructible.
struct move_only {
    move_only(move_only&&) noexcept;
    move_only& operator=(move_only&&) noexcept;
};
struct image : move_only {
    result<image_step> next(std::span<std::byte> chunk);
};
struct restore_writer : move_only {
    result<void> write(const chunk&);
    void commit() noexcept;
};
struct snapshots_of_machine {
    result<image> capture();
    result<restore_writer> restore(const snapshot_meta&);
};
struct state_machine : snapshots_of_machine {
    void apply(const command&, reply_sink&);
};
struct batch_machine : snapshots_of_machine {
    void apply(command_range, reply_sink&);
};
struct failing_machine : snapshots_of_machine {
    result<void> apply(const command&, reply_sink&);
};

struct snapshot_writer : move_only {
    result<void> begin_section(const section_meta&);
    result<void> write(const chunk&);
    result<snapshot_manifest> publish();
};
struct snapshot_reader : move_only {
    const snapshot_manifest& manifest() const noexcept;
    result<chunk> read(u32 section, u64 offset, u32 bytes_max);
};
struct snapshot_store {
    using writer = snapshot_writer;
    using reader = snapshot_reader;
    result<store_report> recover(const identity&);
    result<writer> create(const snapshot_manifest&);
    result<reader> open(snapshot_id);
    result<std::vector<snapshot_manifest>> list();
    result<void> remove(snapshot_id);
    result<void> settle(snapshot_id);
};

struct trigger {
    trigger_verdict due(const growth&, instant now) noexcept;
};
struct timed_trigger : trigger {
    instant wake_at(const growth&) const noexcept;
};
struct compaction {
    index_t keep_from(const log_shape&) const noexcept;
};
struct timed_compaction : compaction {
    instant wake_at(const log_shape&) const noexcept;
};
struct retention {
    bool keeps(const kept_snapshot&, instant now) const noexcept;
};
struct throttle {
    instant admit(const bulk_request&, instant now) noexcept;
};
struct install_conflict {
    clash_verdict decide(const install_clash&) const noexcept;
};
struct corruption {
    static constexpr bool repairs = false;
    damage_verdict decide(const damage&) const noexcept;
};
struct executor {
    void run(operation& job) noexcept;
};
struct bindable_executor : executor {
    void bind(completion_port) noexcept;
};
struct observer {
    void on(const role_changed&) noexcept;
};
struct policies {
    archetype::trigger trigger;
    archetype::compaction compaction;
    archetype::retention retention;
    archetype::throttle throttle;
    archetype::install_conflict conflict;
    archetype::corruption corruption;
    archetype::executor apply_on, work_on;
    archetype::observer observer;
};

}  // namespace archetype

static_assert(storage<archetype::storage>);
static_assert(transport<archetype::transport> && !pollable_transport<archetype::transport>);
static_assert(pollable_transport<archetype::pollable_transport>);
static_assert(snapshot_image<archetype::image> && restore_writer<archetype::restore_writer>);
static_assert(state_machine<archetype::state_machine> && !batch_machine<archetype::state_machine>);
static_assert(batch_machine<archetype::batch_machine> && state_machine<archetype::failing_machine>);
static_assert(snapshot_writer<archetype::snapshot_writer>);
static_assert(snapshot_reader<archetype::snapshot_reader>);
static_assert(snapshot_store<archetype::snapshot_store>);
static_assert(snapshot_trigger<archetype::trigger> && !timed_trigger<archetype::trigger>);
static_assert(timed_trigger<archetype::timed_trigger>);
static_assert(compaction_policy<archetype::compaction>);
static_assert(timed_compaction<archetype::timed_compaction>);
static_assert(retention_policy<archetype::retention> && throttle_policy<archetype::throttle>);
static_assert(install_conflict_policy<archetype::install_conflict>);
static_assert(corruption_policy<archetype::corruption>);
static_assert(executor<archetype::executor> && !bindable_executor<archetype::executor>);
static_assert(bindable_executor<archetype::bindable_executor>);
static_assert(event_observer<archetype::observer> && event_observer<null_observer>);
static_assert(policies<archetype::policies>);

RAFTKIT_NAMESPACE_END
