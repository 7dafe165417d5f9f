#pragma once
// Assertions about our own facts, always on; coverage marks. Peers and disks are inputs and are
// never asserted about. The handler can be replaced (a test harness records, a server flushes its
// log), but it must not return.

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include <raftkit/base/ordinal.hpp>

RAFTKIT_NAMESPACE_BEGIN

using assert_handler = void (*)(const char* fact, const char* file, int line);

namespace detail {

inline void assert_abort(const char* fact, const char* file, int line) {
    std::fprintf(stderr, "raftkit: assertion failed: %s (%s:%d)\n", fact, file, line);
    std::abort();
}
inline std::atomic<assert_handler> assert_handler_now{&assert_abort};

[[gnu::cold, gnu::noinline]] inline void assert_failed(const char* fact, const char* file,
                                                       int line) {
    assert_handler_now.load(std::memory_order_relaxed)(fact, file, line);
    std::abort();  // a handler that returns must not let a broken invariant reach a disk
}

// A mark ties a rare line to the one test that proves why it exists. Counting costs one relaxed add
// on a cold path.
struct mark {
    const char* name;
    std::atomic<u64> hits{0};
};
template <class Tag>
inline mark mark_of{Tag::name()};

}  // namespace detail

inline void set_assert_handler(assert_handler handler) noexcept {
    detail::assert_handler_now.store(handler ? handler : &detail::assert_abort);
}

// Names a fact that may be true or false, for the reader: the negative twin of an assertion.
constexpr void maybe(bool) noexcept {}

RAFTKIT_NAMESPACE_END

#define RAFTKIT_ASSERT(fact)                      \
    (__builtin_expect(static_cast<bool>(fact), 1) \
         ? void(0)                                \
         : ::raftkit::detail::assert_failed(#fact, __FILE__, __LINE__))

#if RAFTKIT_ASSERT_LEVEL >= 2
#define RAFTKIT_ASSERT_SLOW(fact) RAFTKIT_ASSERT(fact)
#else
#define RAFTKIT_ASSERT_SLOW(fact) void(0)
#endif

// RAFTKIT_MARK(name): counts that this line ran. RAFTKIT_MARK_HITS(name): how often, for tests.
// Each mark is declared once, beside the code that it marks, by RAFTKIT_DECLARE_MARK(name) at
// namespace raftkit::marks.
#define RAFTKIT_DECLARE_MARK(mark_name)                                     \
    struct mark_name {                                                      \
        static constexpr const char* name() noexcept { return #mark_name; } \
    }
#define RAFTKIT_MARK(mark_name)                                             \
    ::raftkit::detail::mark_of<::raftkit::marks::mark_name>.hits.fetch_add( \
        1, std::memory_order_relaxed)
#define RAFTKIT_MARK_HITS(mark_name) \
    ::raftkit::detail::mark_of<::raftkit::marks::mark_name>.hits.load(std::memory_order_relaxed)
