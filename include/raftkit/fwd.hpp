#pragma once
// Names without definitions, for headers that only mention them; the only place of default template
// arguments.

#include <raftkit/config.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct default_policies;
struct manual_policies;
struct node_options;
struct node_status;
struct operation;
struct proposal;
struct configuration;
struct open_options;

template <class Storage, class Transport, class StateMachine, class SnapshotStore,
          class Policies = default_policies>
class node;
template <class Machine>
class simple_adapter;
template <class Machine>
class replicated;

namespace drive {
template <class Node>
class manual;
template <class Node>
class loop;
}  // namespace drive

RAFTKIT_NAMESPACE_END
