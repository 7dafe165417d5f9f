#pragma once
// One client connection. Requests of a connection take effect in their order and are answered in
// it: writes may be under way together, reads too, but a read waits for the writes before it and a
// write for the reads before it.

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include <raftkit/io/poller.hpp>
#include <raftkit/io/socket.hpp>
#include <raftkit/port/operation.hpp>

#include "commands.hpp"
#include "server.hpp"

namespace kvd {

struct queued_command {
    const command_row* row = nullptr;
    std::vector<std::string> args;
};

inline std::vector<std::string_view> views(const std::vector<std::string>& args) {
    return {args.begin(), args.end()};
}

inline queued_command queue_of(const command_row& row, words args) {
    return {&row, {args.begin(), args.end()}};
}

// One request of a session; outlives it if the session goes first.
struct request : raftkit::operation {
    enum class what_for : unsigned char { answered, write, read, snapshot, transfer };

    session* owner = nullptr;  // null: its connection is gone
    server* host = nullptr;
    what_for use = what_for::answered;
    bool done = false;
    bool confirmed = false;  // a read that may be carried out now, or later
    bool transaction = false;
    int protocol = 2;
    unsigned slot = 0;
    raftkit::u64 bytes = 0;
    std::string reply;
    std::vector<queued_command> commands;  // of a read
};

class session : public raftkit::watcher {
public:
    session(server& of, raftkit::tcp_socket socket, raftkit::u64 id);
    session(session&&) = delete;
    ~session();

    // For the server: the socket is ready; a request finished; the turn ends.
    void on_ready(raftkit::u32 events);
    void finished();
    void flush();
    void process();  // as far as the input goes and nothing has to wait
    void unpark();   // the server is not busy any more
    bool gone() const { return gone_; }
    bool flush_queued = false;  // the server's
    raftkit::u64 id() const { return id_; }

    // For local commands.
    server& host() { return *server_; }
    reply_writer answer();  // the reply of the current command; call once
    int protocol = 2;
    bool readonly = false;
    std::string name;
    void close_after_replies() { closing_ = true; }
    void reset();
    bool in_transaction() const { return transaction_; }
    void begin_transaction();
    void drop_transaction();
    void run_transaction();
    void begin_snapshot();
    void begin_transfer(raftkit::node_id to);

private:
    enum class flow : unsigned char { on, wait };

    void take_input();
    flow dispatch(words args);
    flow dispatch_data(const command_row& row, words args);
    void queue_in_transaction(const command_row* row, words args);
    flow start_write(std::vector<queued_command>* commands, const command_row* row, words args);
    flow start_read(std::vector<queued_command> commands, bool transaction);
    std::string refusal(const command_row& row, words args) const;
    std::string growth_refusal(const command_row& row, words args) const;
    bool under_way(request::what_for use) const;
    request& add_request(request::what_for use);
    void fail(std::string_view text);
    void carry_out(request& read);
    bool full() const;  // its client reads too slowly: nothing more is answered for now
    void finish_head();
    bool send_out();
    void update_interest(bool flush_follows);
    void leave();

    server* server_;
    raftkit::tcp_socket socket_;
    raftkit::u64 id_;
    request_parser parser_;
    std::deque<request*> requests_;  // oldest first
    std::string out_;
    std::size_t out_at_ = 0;
    raftkit::u32 interest_ = raftkit::poll_in;
    bool closing_ = false, gone_ = false, parsed_ = false, processing_ = false,
         end_of_input_ = false, parked_ = false;
    bool transaction_ = false, transaction_failed_ = false;
    std::vector<queued_command> transaction_commands_;
    entry_writer entry_;
};

}  // namespace kvd
