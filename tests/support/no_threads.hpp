#pragma once
// While one lives, no thread can be started: each would want a stack that no address space has.

#include <doctest/doctest.h>
#include <pthread.h>

#include <cstddef>

class no_threads {
public:
    no_threads() {
        pthread_getattr_default_np(&before_);
        pthread_attr_t greedy;
        pthread_attr_init(&greedy);
        REQUIRE(pthread_attr_setstacksize(&greedy, std::size_t{1} << 48) == 0);
        REQUIRE(pthread_setattr_default_np(&greedy) == 0);
        pthread_attr_destroy(&greedy);
    }
    no_threads(no_threads&&) = delete;
    ~no_threads() {
        pthread_setattr_default_np(&before_);
        pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_;
};
