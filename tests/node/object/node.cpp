// One whole node in one object file, as a server would have it: what nm finds in it is what the kit
// costs.

#include <raftkit/node/instantiate.hpp>
#include <raftkit/node/simple_machine.hpp>
#include <raftkit/snapshot/store/file.hpp>
#include <raftkit/storage/wal/wal.hpp>
#include <raftkit/transport/tcp_transport.hpp>

#include <string>
#include <string_view>

namespace object_test {

struct text {
    std::string all;
    std::string apply(std::string_view more) { return all += more; }
    std::string snapshot() const { return all; }
    void restore(std::string&& copy) { all = std::move(copy); }
};

}  // namespace object_test

using text_node =
    raftkit::node<raftkit::wal, raftkit::tcp_transport, raftkit::simple_adapter<object_test::text>,
                  raftkit::file_snapshots>;
RAFTKIT_EXTERN_NODE(text_node);
RAFTKIT_INSTANTIATE_NODE(text_node);
