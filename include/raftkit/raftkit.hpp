#pragma once
// Everything to build a node from parts, without the WAL, TCP and the testing kit: those are named
// where they are used.

#include <raftkit/fwd.hpp>
#include <raftkit/node/drive/loop.hpp>
#include <raftkit/node/drive/manual.hpp>
#include <raftkit/node/instantiate.hpp>
#include <raftkit/node/node.hpp>
#include <raftkit/node/simple_machine.hpp>
#include <raftkit/policy/compaction/combine.hpp>
#include <raftkit/policy/compaction/keep.hpp>
#include <raftkit/policy/defaults.hpp>
#include <raftkit/policy/trigger/combine.hpp>
#include <raftkit/snapshot/store/memory.hpp>
