#pragma once
// StateMachine: apply context only. An image does not change after capture(); images and restore
// writers may be used and destroyed on another thread than the machine's; a restore writer touches
// the machine only in commit(). What else testing/conform/state_machine.hpp tries:
//
// - State and replies depend on the commands and their places alone, however ranges are cut.
// - Replies come in index order, at most one an entry, for entries of the range.
// - The image holds everything that later commands or replies depend on; a restored machine goes on
//   as the captured one, and replaces all that was there, also by nothing.
// - Chunks may have any size. A writer that is dropped leaves the machine as it was.

#include <concepts>
#include <span>
#include <type_traits>
#include <utility>

#include <raftkit/concepts/storage.hpp>
#include <raftkit/port/apply.hpp>
#include <raftkit/port/manifest.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct image_step {  // how much of the chunk was filled
    u32 bytes = 0;
    bool end_of_section = false, end = false;
};

namespace need {

template <class T>
concept apply_outcome = gives_nothing<T> || gives<T, void>;
template <class T>
struct unwrap {};
template <class T>
struct unwrap<result<T>> {
    using type = T;
};
template <class T>
using unwrap_t = typename unwrap<std::remove_cvref_t<T>>::type;

template <class M>
concept machine_apply_each = requires(M& m, const command& c, reply_sink& out) {
    { m.apply(c, out) } -> apply_outcome;
};
template <class M>
concept machine_apply_range = requires(M& m, command_range batch, reply_sink& out) {
    { m.apply(batch, out) } -> apply_outcome;
};
template <class M>
concept machine_captures = requires(M& m) {  // O(1) or copy-on-write
    typename unwrap_t<decltype(m.capture())>;
};
template <class M>
concept machine_restores =
    requires(M& m, const snapshot_meta& of) {  // O(1): begins an empty replacement
        typename unwrap_t<decltype(m.restore(of))>;
    };
template <class I>
concept image_fills = requires(I& i, std::span<std::byte> chunk) {
    { i.next(chunk) } -> gives<image_step>;
};
template <class R>
concept restore_write =
    requires(R& r, const chunk& c) {  // work executor; the `end` chunk always comes
        { r.write(c) } -> gives<void>;
    };
template <class R>
concept restore_commit = requires(R& r) {  // apply context, O(1) swap
    { r.commit() } noexcept -> gives_nothing;
};

}  // namespace need

template <class I>
concept snapshot_image = std::movable<I> && need::image_fills<I>;
template <class R>
concept restore_writer = std::movable<R> && need::restore_write<R> && need::restore_commit<R>;

template <class M>
using image_of = need::unwrap_t<decltype(std::declval<M&>().capture())>;
template <class M>
using restore_writer_of =
    need::unwrap_t<decltype(std::declval<M&>().restore(std::declval<const snapshot_meta&>()))>;

template <class M>
concept state_machine = need::machine_captures<M> && need::machine_restores<M> &&
                        snapshot_image<image_of<M>> && restore_writer<restore_writer_of<M>> &&
                        (need::machine_apply_each<M> || need::machine_apply_range<M>);

template <class M>
concept batch_machine = state_machine<M> && need::machine_apply_range<M>;

// Refinements: detected, never required.
template <class M>
concept digesting_machine = requires(const M& m) {
    { m.digest() } noexcept -> std::same_as<u64>;
};
template <class M>
concept durable_machine = requires(const M& m) {  // no restore at open if it is not behind
    { m.durable_index() } noexcept -> std::same_as<log_id>;
};
template <class M>
concept membership_machine = requires(M& m, log_id at, const configuration& now) {
    { m.on_membership(at, now) };
};
template <class M>
concept in_place_machine = requires { requires M::restores_in_place; };
template <class I>
concept sectioned_image = requires(const I& i) {
    { i.section() } -> std::same_as<section_meta>;
};
template <class I>
concept positioned_image = requires(const I& i) {
    { i.at() } noexcept -> std::same_as<log_id>;
};

RAFTKIT_NAMESPACE_END
