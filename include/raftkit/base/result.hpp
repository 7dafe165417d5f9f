#pragma once
// A value or an error; the kit's only error channel. It is [[nodiscard]], never throws and never
// allocates, and works with -fno-exceptions.

#include <utility>
#include <variant>

#include <raftkit/base/assert.hpp>
#include <raftkit/base/error.hpp>

RAFTKIT_NAMESPACE_BEGIN

template <class T>
class [[nodiscard]] result {
public:
    using value_type = T;

    result(T value) : held_(std::in_place_index<0>, std::move(value)) {}
    result(error why) noexcept : held_(std::in_place_index<1>, why) { RAFTKIT_ASSERT(bool(why)); }

    explicit operator bool() const noexcept { return held_.index() == 0; }
    // Requires: holds a value.
    T& operator*() & noexcept { return value(); }
    const T& operator*() const& noexcept { return value(); }
    T&& operator*() && noexcept { return std::move(value()); }
    T* operator->() noexcept { return &value(); }
    const T* operator->() const noexcept { return &value(); }
    error why() const noexcept { return *this ? error{} : *std::get_if<1>(&held_); }

private:
    T& value() noexcept {
        RAFTKIT_ASSERT(held_.index() == 0);
        return *std::get_if<0>(&held_);
    }
    const T& value() const noexcept {
        RAFTKIT_ASSERT(held_.index() == 0);
        return *std::get_if<0>(&held_);
    }

    std::variant<T, error> held_;
};

template <>
class [[nodiscard]] result<void> {
public:
    using value_type = void;

    result(error why = {}) noexcept : why_(why) {}
    explicit operator bool() const noexcept { return !why_; }
    error why() const noexcept { return why_; }

private:
    error why_;
};

RAFTKIT_NAMESPACE_END
