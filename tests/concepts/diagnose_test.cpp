// Diagnose is silent about whatever satisfies its concept, and always says yes. That it speaks
// about everything else is checked in tests/compile_fail, a case a sentence.

#include <doctest/doctest.h>

#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>

using namespace raftkit;

namespace {

struct refined_machine : archetype::batch_machine {
    u64 digest() const noexcept;
    log_id durable_index() const noexcept;
};
struct two_hooks {
    void on(const committed&) noexcept;
    void on(const stopped&) noexcept;
};

}  // namespace

TEST_CASE("diagnose has nothing against the archetypes") {
    CHECK(detail::diagnose_storage<archetype::storage>::said);
    CHECK(detail::diagnose_transport<archetype::transport>::said);
    CHECK(detail::diagnose_transport<archetype::pollable_transport>::said);
    CHECK(detail::diagnose_pollable_transport<archetype::pollable_transport>::said);
    CHECK(detail::diagnose_state_machine<archetype::state_machine>::said);
    CHECK(detail::diagnose_state_machine<archetype::batch_machine>::said);
    CHECK(detail::diagnose_state_machine<archetype::failing_machine>::said);
    CHECK(detail::diagnose_snapshot_store<archetype::snapshot_store>::said);
    CHECK(detail::diagnose_policies<archetype::policies>::said);
    CHECK(detail::diagnose_trigger<archetype::timed_trigger>::said);
    CHECK(detail::diagnose_compaction<archetype::timed_compaction>::said);
    CHECK(detail::diagnose_executor<archetype::bindable_executor>::said);
    CHECK(detail::diagnose_observer<archetype::observer>::said);
    CHECK(detail::diagnose_observer<null_observer>::said);
}

TEST_CASE("diagnose has nothing against refinements that fit") {
    CHECK(detail::diagnose_state_machine<refined_machine>::said);
    CHECK(detail::diagnose_observer<two_hooks>::said);
}
