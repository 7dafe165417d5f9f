#pragma once
// One connection to a cluster that finds the leader by itself. What it reports about a write is one
// of three: done, certainly not done, unknown. Only the second may be tried again; that is the
// whole art of a client.
//
//     request ──▶ connect ──refused──▶ next node, again      (never sent)
//                    │
//                    ▼
//                  send, read ──MOVED, CLUSTERDOWN, LOADING──▶ that node or the next, again
//                    │      └──closed, silent, UNKNOWN──▶ unknown
//                    ▼
//                  reply

#include <string>
#include <string_view>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/io/socket.hpp>

namespace kvload {

enum class fate { done, not_done, unknown, refused };

struct answer {
    fate how = fate::not_done;
    bool null = false;
    std::string text;  // of the value, or why not
};

class client {
public:
    client(const std::vector<std::string>& nodes, std::size_t first);

    // Tries again what was certainly not done, until `deadline`.
    answer set(std::string_view key, std::string_view value, raftkit::instant deadline);
    // A read may be tried again whatever became of it.
    answer get(std::string_view key, raftkit::instant deadline);

    raftkit::u64 tried_again = 0;

private:
    answer call(const std::string& request, raftkit::instant deadline);
    answer once(const std::string& request, raftkit::instant deadline);
    bool connect(raftkit::instant deadline);
    bool send_all(std::string_view bytes, raftkit::instant deadline);
    bool read_reply(answer& into, raftkit::instant deadline);
    bool fill(raftkit::instant deadline);
    bool wait(short events, raftkit::instant deadline);
    void next_node();
    void follow(std::string_view moved);

    const std::vector<std::string>* nodes_;
    std::size_t at_;
    std::string address_;
    raftkit::tcp_socket socket_;
    std::string input_;
};

}  // namespace kvload
