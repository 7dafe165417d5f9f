#pragma once
// Version, ABI namespace and assertion level: the only configuration macros of the kit. No macro
// changes the layout of a type; those that change behaviour are part of the inline namespace, so
// that two translation units that disagree fail to link instead of violating the one-definition
// rule.

#define RAFTKIT_VERSION_MAJOR 0
#define RAFTKIT_VERSION_MINOR 1
#define RAFTKIT_VERSION_PATCH 0
#define RAFTKIT_VERSION \
    (RAFTKIT_VERSION_MAJOR * 10000 + RAFTKIT_VERSION_MINOR * 100 + RAFTKIT_VERSION_PATCH)
#define RAFTKIT_VERSION_STRING "0.1.0"

// 1 (default): RAFTKIT_ASSERT is on, the scans of RAFTKIT_ASSERT_SLOW are off. 2: both are on.
#ifndef RAFTKIT_ASSERT_LEVEL
#define RAFTKIT_ASSERT_LEVEL 1
#endif

#if RAFTKIT_ASSERT_LEVEL == 2
#define RAFTKIT_ABI_NAMESPACE v0_scanned
#else
#define RAFTKIT_ABI_NAMESPACE v0_checked
#endif

#define RAFTKIT_NAMESPACE_BEGIN \
    namespace raftkit {         \
    inline namespace RAFTKIT_ABI_NAMESPACE {
#define RAFTKIT_NAMESPACE_END \
    }                         \
    }
