#pragma once
// One translation unit instantiates a node, the others only name it. In a header:
//     using kv_node = raftkit::node<...>;
//     RAFTKIT_EXTERN_NODE(kv_node);
// and in one .cpp: RAFTKIT_INSTANTIATE_NODE(kv_node); It works because node and driver define their
// members outside the class: g++ -O2 ignores `extern template` for members that are defined inside.

#include <raftkit/node/node.hpp>

#define RAFTKIT_DETAIL_NODE(name)                                                              \
    raftkit::node<name::storage_type, name::transport_type, name::machine_type, name::store_type, \
                  name::policies_type>
#define RAFTKIT_EXTERN_NODE(name) extern template class RAFTKIT_DETAIL_NODE(name)
#define RAFTKIT_INSTANTIATE_NODE(name) template class RAFTKIT_DETAIL_NODE(name)
