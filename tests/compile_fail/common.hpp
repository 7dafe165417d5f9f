#pragma once
// What every compile-fail case includes; precompiled, see CMakeLists.txt.
#include <raftkit/concepts/archetypes.hpp>
#include <raftkit/concepts/diagnose.hpp>
