// The archetypes are minimal: each concept refuses its archetype as soon as one member is missing.
// (What the compiler says then is checked in tests/compile_fail.)

#include <doctest/doctest.h>

#include <raftkit/concepts/archetypes.hpp>

using namespace raftkit;

namespace {

// A data member of the same name hides the function of the archetype.
template <class Base>
struct without_open : Base {
    int open = 0;
};
template <class Base>
struct without_close : Base {
    int close = 0;
};
struct copies_log : archetype::storage {
    persisted persist(persist_batch) noexcept;  // by value: still callable with a reference
};
struct answers_error : archetype::storage {
    error persist(const persist_batch&) noexcept;
};
struct both_applies : archetype::state_machine {
    void apply(const command&, reply_sink&);
    void apply(command_range, reply_sink&);
};
struct digesting : archetype::state_machine {
    u64 digest() const noexcept;
};
struct durable : archetype::state_machine {
    log_id durable_index() const noexcept;
};
struct in_place : archetype::state_machine {
    static constexpr bool restores_in_place = true;
};
struct declines_in_place : archetype::state_machine {
    static constexpr bool restores_in_place = false;
};
struct told_of_members : archetype::state_machine {
    void on_membership(log_id, const configuration&);
};
struct positioned : archetype::image {
    log_id at() const noexcept;
};
struct sectioned : archetype::image {
    section_meta section() const;
};
struct quarantining : archetype::snapshot_store {
    result<void> quarantine(snapshot_id);
    result<u64> free_bytes();
};
struct resumable : archetype::snapshot_writer {
    result<u64> recheck();
    bool holds(u32, u64, u64) const noexcept;
    result<void> suspend();
    void took(duration) noexcept;
};

}  // namespace

TEST_CASE("a member less is a concept less") {
    CHECK_FALSE(storage<without_open<archetype::storage>>);
    CHECK_FALSE(storage<without_close<archetype::storage>>);
    CHECK_FALSE(transport<without_open<archetype::transport>>);
    CHECK_FALSE(pollable_transport<without_close<archetype::pollable_transport>>);
    CHECK_FALSE(snapshot_store<without_open<archetype::snapshot_store>>);
}

TEST_CASE("a concept asks what a call gives, not how a member is declared") {
    CHECK(storage<copies_log>);
    CHECK_FALSE(storage<answers_error>);
}

TEST_CASE("a machine applies one by one, by range, or both") {
    CHECK(state_machine<archetype::state_machine>);
    CHECK_FALSE(batch_machine<archetype::state_machine>);
    CHECK(batch_machine<archetype::batch_machine>);
    CHECK(batch_machine<both_applies>);
    CHECK(state_machine<archetype::failing_machine>);
}

TEST_CASE("refinements are detected and never required") {
    CHECK(digesting_machine<digesting>);
    CHECK_FALSE(digesting_machine<archetype::state_machine>);
    CHECK(durable_machine<durable>);
    CHECK_FALSE(durable_machine<archetype::state_machine>);
    CHECK(in_place_machine<in_place>);
    CHECK_FALSE(in_place_machine<declines_in_place>);
    CHECK_FALSE(in_place_machine<archetype::state_machine>);
    CHECK(membership_machine<told_of_members>);
    CHECK_FALSE(membership_machine<archetype::state_machine>);
    CHECK(positioned_image<positioned>);
    CHECK_FALSE(positioned_image<archetype::image>);
    CHECK(sectioned_image<sectioned>);
    CHECK_FALSE(sectioned_image<archetype::image>);
    CHECK(quarantining_store<quarantining>);
    CHECK_FALSE(quarantining_store<archetype::snapshot_store>);
    CHECK(measured_store<quarantining>);
    CHECK_FALSE(measured_store<archetype::snapshot_store>);
    CHECK(resumable_writer<resumable>);
    CHECK_FALSE(resumable_writer<archetype::snapshot_writer>);
    CHECK(timed_writer<resumable>);
    CHECK_FALSE(timed_writer<archetype::snapshot_writer>);
}

TEST_CASE("images and writers move; nobody may need a copy or an empty one") {
    CHECK(std::movable<archetype::image>);
    CHECK_FALSE(std::is_copy_constructible_v<archetype::image>);
    CHECK_FALSE(std::is_default_constructible_v<archetype::restore_writer>);
    CHECK_FALSE(std::is_copy_constructible_v<archetype::snapshot_reader>);
}
