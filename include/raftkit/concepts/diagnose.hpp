#pragma once
// Diagnostics: for every concept a `diagnose_x<T>` that names each requirement which T misses in a
// sentence of its own, before the compiler lists atoms. `static_assert(diagnose_x<T>::said)` is how
// a template asks; `said` is always true, because a false one would only add a mute second error. A
// `lax` atom is a need without noexcept (and const), so that "lacks it" and "is not noexcept" are
// different sentences. Optional members that are there but do not fit are named too: otherwise a
// forgotten noexcept would switch a refinement off in silence.

#include <raftkit/concepts/lax.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace detail {

// Two sentences about one member: it is missing (or returns something else), or only its qualifiers
// are.
#define RAFTKIT_SAY(fact, sentence, header) \
    static_assert(fact, "raftkit: " sentence "; see concepts/" header ".hpp")
#define RAFTKIT_SAY_BOTH(lax_fact, fact, who, signature, qualifiers, header)    \
    RAFTKIT_SAY(lax_fact, who " lacks `" signature " " qualifiers "`", header); \
    RAFTKIT_SAY(!lax_fact || fact, who " has `" signature "`, but it is not " qualifiers, header)

template <class S>
struct diagnose_storage {
    RAFTKIT_SAY(need::storage_open<S>,
                "Storage lacks `result<recovered_log> open(const identity&, completion_port)`",
                "storage");
    RAFTKIT_SAY_BOTH(lax::persist<S>, need::storage_persist<S>, "Storage",
                     "persisted persist(const persist_batch&)", "noexcept", "storage");
    RAFTKIT_SAY_BOTH(lax::load<S>, need::storage_load<S>, "Storage", "void load(load_request)",
                     "noexcept", "storage");
    RAFTKIT_SAY_BOTH(lax::compact<S>, need::storage_compact<S>, "Storage",
                     "void compact(const log_base&)", "noexcept", "storage");
    RAFTKIT_SAY_BOTH(lax::close<S>, need::storage_close<S>, "Storage", "void close()", "noexcept",
                     "storage");
    static constexpr bool said = true;
};

template <class T>
struct diagnose_drain {
    RAFTKIT_SAY_BOTH(lax::drain<T>, need::transport_drain<T>, "a pollable Transport",
                     "template <class Sink> void drain(Sink&)", "noexcept", "transport");
    static constexpr bool said = true;
};
// Half of a pollable transport would be driven as if it had a thread of its own: by nobody.
template <class T>
constexpr bool said_of_drain() noexcept {
    if constexpr (need::transport_attach<T>) return diagnose_drain<T>::said;
    return true;
}
template <class T>
struct diagnose_transport {
    RAFTKIT_SAY(need::transport_open<T>,
                "Transport lacks `result<void> open(const identity&, completion_port)`",
                "transport");
    RAFTKIT_SAY_BOTH(lax::send<T>, need::transport_send<T>, "Transport",
                     "void send(const envelope&)", "noexcept", "transport");
    RAFTKIT_SAY_BOTH(lax::send_bulk<T>, need::transport_bulk<T>, "Transport",
                     "void send(const bulk_envelope&)", "noexcept", "transport");
    RAFTKIT_SAY_BOTH(lax::members<T>, need::transport_members<T>, "Transport",
                     "void members(const configuration&)", "noexcept", "transport");
    RAFTKIT_SAY_BOTH(lax::close<T>, need::transport_close<T>, "Transport", "void close()",
                     "noexcept", "transport");
    static_assert(said_of_drain<T>());
    static constexpr bool said = true;
};
template <class T>
struct diagnose_pollable_transport {
    static_assert(diagnose_transport<T>::said);
    RAFTKIT_SAY(need::transport_attach<T>,
                "a pollable Transport lacks `result<void> attach(poller&)`", "transport");
    static constexpr bool said = true;
};

template <class I>
struct diagnose_image {
    RAFTKIT_SAY(std::movable<I>, "an image (the result of `capture`) is not movable",
                "state_machine");
    RAFTKIT_SAY(need::image_fills<I>,
                "an image (the result of `capture`) lacks "
                "`result<image_step> next(std::span<std::byte>)`",
                "state_machine");
    RAFTKIT_SAY(!lax::section<I> || sectioned_image<I>,
                "an image's optional `section` is not `section_meta section() const`",
                "state_machine");
    RAFTKIT_SAY(!lax::at<I> || positioned_image<I>,
                "an image's optional `at` is not `log_id at() const noexcept`", "state_machine");
    static constexpr bool said = true;
};
template <class R>
struct diagnose_restore_writer {
    RAFTKIT_SAY(std::movable<R>, "a restore writer (the result of `restore`) is not movable",
                "state_machine");
    RAFTKIT_SAY(need::restore_write<R>,
                "a restore writer (the result of `restore`) lacks "
                "`result<void> write(const chunk&)`",
                "state_machine");
    RAFTKIT_SAY_BOTH(lax::commit<R>, need::restore_commit<R>,
                     "a restore writer (the result of `restore`)", "void commit()", "noexcept",
                     "state_machine");
    static constexpr bool said = true;
};
template <class M>
constexpr bool said_of_image() noexcept {
    if constexpr (need::machine_captures<M>) return diagnose_image<image_of<M>>::said;
    return true;
}
template <class M>
constexpr bool said_of_restore_writer() noexcept {
    if constexpr (need::machine_restores<M>) {
        return diagnose_restore_writer<restore_writer_of<M>>::said;
    }
    return true;
}
template <class M>
struct diagnose_state_machine {
    RAFTKIT_SAY((need::machine_apply_each<M> || need::machine_apply_range<M>),
                "StateMachine lacks `void apply(const command&, reply_sink&)` and "
                "`void apply(command_range, reply_sink&)`: one of them, it may return result<void>",
                "state_machine");
    RAFTKIT_SAY(need::machine_captures<M>, "StateMachine lacks `result<Image> capture()`",
                "state_machine");
    RAFTKIT_SAY(need::machine_restores<M>,
                "StateMachine lacks `result<RestoreWriter> restore(const snapshot_meta&)`",
                "state_machine");
    static_assert(said_of_image<M>() && said_of_restore_writer<M>());
    RAFTKIT_SAY(!lax::digest<M> || digesting_machine<M>,
                "StateMachine's optional `digest` is not `u64 digest() const noexcept`",
                "state_machine");
    RAFTKIT_SAY(!lax::durable_index<M> || durable_machine<M>,
                "StateMachine's optional `durable_index` is not "
                "`log_id durable_index() const noexcept`",
                "state_machine");
    static constexpr bool said = true;
};

template <class W>
struct diagnose_snapshot_writer {
    RAFTKIT_SAY(std::movable<W>, "SnapshotStore::writer is not movable", "snapshot_store");
    RAFTKIT_SAY(need::writer_section<W>,
                "SnapshotStore::writer lacks `result<void> begin_section(const section_meta&)`",
                "snapshot_store");
    RAFTKIT_SAY(need::writer_chunk<W>,
                "SnapshotStore::writer lacks `result<void> write(const chunk&)`", "snapshot_store");
    RAFTKIT_SAY(need::writer_publishes<W>,
                "SnapshotStore::writer lacks `result<snapshot_manifest> publish()`",
                "snapshot_store");
    RAFTKIT_SAY(!lax::suspends<W> || !snapshot_writer<W> || resumable_writer<W>,
                "SnapshotStore::writer's optional `suspend` comes with `result<void> suspend()`, "
                "`result<u64> recheck()` and `bool holds(u32, u64, u64) const noexcept`",
                "snapshot_store");
    RAFTKIT_SAY(!lax::is_timed<W> || !snapshot_writer<W> || timed_writer<W>,
                "SnapshotStore::writer's optional `took` is not `void took(duration) noexcept`",
                "snapshot_store");
    static constexpr bool said = true;
};
template <class R>
struct diagnose_snapshot_reader {
    RAFTKIT_SAY(std::movable<R>, "SnapshotStore::reader is not movable", "snapshot_store");
    RAFTKIT_SAY_BOTH(lax::manifest<R>, need::reader_manifest<R>, "SnapshotStore::reader",
                     "const snapshot_manifest& manifest()", "const noexcept", "snapshot_store");
    RAFTKIT_SAY(need::reader_chunk<R>,
                "SnapshotStore::reader lacks "
                "`result<chunk> read(u32 section, u64 offset, u32 bytes_max)`",
                "snapshot_store");
    static constexpr bool said = true;
};
template <class S>
concept names_writer = requires { typename S::writer; };
template <class S>
concept names_reader = requires { typename S::reader; };
template <class S>
constexpr bool said_of_writer() noexcept {
    if constexpr (names_writer<S>) return diagnose_snapshot_writer<typename S::writer>::said;
    return true;
}
template <class S>
constexpr bool said_of_reader() noexcept {
    if constexpr (names_reader<S>) return diagnose_snapshot_reader<typename S::reader>::said;
    return true;
}
template <class S>
struct diagnose_snapshot_store {
    RAFTKIT_SAY(need::store_recover<S>,
                "SnapshotStore lacks `result<store_report> recover(const identity&)`",
                "snapshot_store");
    RAFTKIT_SAY(names_writer<S>, "SnapshotStore lacks the type `writer`", "snapshot_store");
    RAFTKIT_SAY(names_reader<S>, "SnapshotStore lacks the type `reader`", "snapshot_store");
    RAFTKIT_SAY(!names_writer<S> || need::store_create<S>,
                "SnapshotStore lacks `result<writer> create(const snapshot_manifest&)`",
                "snapshot_store");
    RAFTKIT_SAY(!names_reader<S> || need::store_opens<S>,
                "SnapshotStore lacks `result<reader> open(snapshot_id)`", "snapshot_store");
    RAFTKIT_SAY(need::store_lists<S>,
                "SnapshotStore lacks `result<std::vector<snapshot_manifest>> list()`",
                "snapshot_store");
    RAFTKIT_SAY(need::store_removes<S>, "SnapshotStore lacks `result<void> remove(snapshot_id)`",
                "snapshot_store");
    RAFTKIT_SAY(need::store_settles<S>, "SnapshotStore lacks `result<void> settle(snapshot_id)`",
                "snapshot_store");
    static_assert(said_of_writer<S>() && said_of_reader<S>());
    static constexpr bool said = true;
};

template <class T>
struct diagnose_trigger {
    RAFTKIT_SAY_BOTH(lax::due<T>, snapshot_trigger<T>, "a snapshot trigger",
                     "trigger_verdict due(const growth&, instant now)", "noexcept", "policies");
    RAFTKIT_SAY(!lax::wake_at<T> || !snapshot_trigger<T> || timed_trigger<T>,
                "a snapshot trigger's optional `wake_at` is not "
                "`instant wake_at(const growth&) const noexcept`",
                "policies");
    static constexpr bool said = true;
};
template <class C>
struct diagnose_compaction {
    RAFTKIT_SAY_BOTH(lax::keep_from<C>, compaction_policy<C>, "a compaction policy",
                     "index_t keep_from(const log_shape&)", "const noexcept", "policies");
    RAFTKIT_SAY(!lax::wake_at_shape<C> || !compaction_policy<C> || timed_compaction<C>,
                "a compaction policy's optional `wake_at` is not "
                "`instant wake_at(const log_shape&) const noexcept`",
                "policies");
    static constexpr bool said = true;
};
template <class R>
struct diagnose_retention {
    RAFTKIT_SAY_BOTH(lax::keeps<R>, retention_policy<R>, "a retention policy",
                     "bool keeps(const kept_snapshot&, instant now)", "const noexcept", "policies");
    static constexpr bool said = true;
};
template <class T>
struct diagnose_throttle {
    RAFTKIT_SAY_BOTH(lax::admit<T>, throttle_policy<T>, "a throttle",
                     "instant admit(const bulk_request&, instant now)", "noexcept", "policies");
    static constexpr bool said = true;
};
template <class C>
struct diagnose_install_conflict {
    RAFTKIT_SAY_BOTH(lax::decide_clash<C>, install_conflict_policy<C>, "an install conflict policy",
                     "clash_verdict decide(const install_clash&)", "const noexcept", "policies");
    static constexpr bool said = true;
};
template <class C>
struct diagnose_corruption {
    RAFTKIT_SAY(lax::repairs<C>, "a corruption policy lacks `static constexpr bool repairs`",
                "policies");
    RAFTKIT_SAY_BOTH(lax::decide_damage<C>, (corruption_policy<C> || !lax::repairs<C>),
                     "a corruption policy", "damage_verdict decide(const damage&)",
                     "const noexcept", "policies");
    static constexpr bool said = true;
};
template <class X>
struct diagnose_executor {
    RAFTKIT_SAY_BOTH(lax::run<X>, executor<X>, "an executor", "void run(operation& job)",
                     "noexcept", "policies");
    RAFTKIT_SAY(!lax::bind<X> || !executor<X> || bindable_executor<X>,
                "an executor's optional `bind` is not `void bind(completion_port) noexcept`",
                "policies");
    static constexpr bool said = true;
};
template <class Observer>
struct diagnose_observer {
    RAFTKIT_SAY((std::same_as<Observer, null_observer> || observed_events::any_heard<Observer>),
                "an Observer hears nothing: it lacks `void on(const Event&) noexcept` for every "
                "event",
                "observer");
    RAFTKIT_SAY(!observed_events::any_refused<Observer>,
                "an Observer's hook is not `void on(const Event&) noexcept`", "observer");
    static constexpr bool said = true;
};

// Asks about one member of the policies, if it is there at all.
#define RAFTKIT_SAY_MEMBER(name, diagnose)                                                \
    RAFTKIT_SAY(                                                                          \
        requires(P& p) { p.name; }, "Policies lacks the member `" #name "`", "policies"); \
    static_assert([] {                                                                    \
        if constexpr (requires(P& p) { p.name; }) {                                       \
            return diagnose<bare<decltype((std::declval<P&>().name))>>::said;             \
        }                                                                                 \
        return true;                                                                      \
    }())

template <class P>
struct diagnose_policies {
    RAFTKIT_SAY_MEMBER(trigger, diagnose_trigger);
    RAFTKIT_SAY_MEMBER(compaction, diagnose_compaction);
    RAFTKIT_SAY_MEMBER(retention, diagnose_retention);
    RAFTKIT_SAY_MEMBER(throttle, diagnose_throttle);
    RAFTKIT_SAY_MEMBER(conflict, diagnose_install_conflict);
    RAFTKIT_SAY_MEMBER(corruption, diagnose_corruption);
    RAFTKIT_SAY_MEMBER(apply_on, diagnose_executor);
    RAFTKIT_SAY_MEMBER(work_on, diagnose_executor);
    RAFTKIT_SAY_MEMBER(observer, diagnose_observer);
    static constexpr bool said = true;
};

#undef RAFTKIT_SAY_MEMBER
#undef RAFTKIT_SAY_BOTH
#undef RAFTKIT_SAY

}  // namespace detail

RAFTKIT_NAMESPACE_END
