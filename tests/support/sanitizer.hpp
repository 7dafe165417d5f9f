#pragma once
// Whether a sanitizer slows this build and replaces its allocator: g++ says so by macros, clang by
// features. Tests that try thousands of seeds then try some.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RAFTKIT_TEST_SANITIZED 1
#elif defined(__clang__)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define RAFTKIT_TEST_SANITIZED 1
#endif
#endif
#ifndef RAFTKIT_TEST_SANITIZED
#define RAFTKIT_TEST_SANITIZED 0
#endif
