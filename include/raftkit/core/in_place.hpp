#pragma once
// Filling the lists of a turn where their elements will stand. A message or a view that is copied
// right after it was written stalls on store forwarding, and code that grows a list does not belong
// among the instructions that run for every entry.

#include <utility>
#include <vector>

#include <raftkit/core/message.hpp>
#include <raftkit/core/run.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace core {

template <class T>
[[gnu::cold, gnu::noinline]] void make_room(std::vector<T>& in) {
    in.reserve(in.empty() ? 8 : in.size() * 2);
}
// Like emplace_back, but what happens when it must grow stays out of the hot code.
template <class T, class... Fields>
[[gnu::always_inline]] inline void add(std::vector<T>& to, const Fields&... fields) {
    if (to.size() == to.capacity()) make_room(to);
    if (to.size() == to.capacity()) __builtin_unreachable();
    to.emplace_back(fields...);
}
// By its fields: a view that is copied right after it was written stalls on store forwarding.
[[gnu::always_inline]] inline void add_view(std::vector<run_view>& to, const run_view& of) {
    add(to, of.owner, of.offset, of.bytes, of.first, of.term, of.count);
}
// A body that is built where it will stand, for the same reason.
template <class Make>
struct made_there {
    const Make& make;
    operator message() const noexcept { return make(); }
};

}  // namespace core

RAFTKIT_NAMESPACE_END
