#include "session.hpp"

#include <algorithm>

#include "data_commands.hpp"

namespace kvd {

namespace {

constexpr std::size_t read_bytes = 64 * 1024;
constexpr std::size_t requests_max = 4096;   // of one connection, under way
constexpr std::size_t out_pause = 4u << 20;  // above it no more input is processed

// What a request that was not done is answered with. MOVED and CLUSTERDOWN: certainly not executed,
// now or later. UNKNOWN: nobody knows; no client library repeats it by itself.
std::string error_text(const server& host, const request& of, raftkit::error why) {
    using raftkit::errc;
    const bool write = of.use == request::what_for::write;
    switch (raftkit::outcome_of(why.code)) {
        case raftkit::outcome::unknown: {
            const auto cause = static_cast<errc>(why.detail);
            if (cause == errc::timed_out) return "UNKNOWN outcome: timed out";
            return "UNKNOWN outcome: " + std::string(raftkit::name_of(cause));
        }
        case raftkit::outcome::done: return "UNKNOWN outcome: executed, but its reply is lost";
        case raftkit::outcome::not_done: break;
    }
    switch (why.code) {
        case errc::not_leader: return host.moved({why.detail}, of.slot);
        case errc::leader_changed: return host.moved(host.status().leader, of.slot);
        case errc::no_space:
            return write ? "ERR no space for the log" : "ERR no space on the device";
        case errc::too_large: return "ERR the request is larger than a log entry may be";
        case errc::timed_out: return "CLUSTERDOWN timed out";
        case errc::stopped: return "CLUSTERDOWN the node is stopping";
        case errc::busy:
            if (static_cast<errc>(why.detail) == errc::no_space) return "ERR no space for the log";
            return write ? "CLUSTERDOWN the leader is busy or handing over, try again"
                         : "ERR " + std::string(why.where);
        default: return "ERR " + std::string(raftkit::name_of(why.code)) + ": " + why.where;
    }
}

}  // namespace

session::session(server& of, raftkit::tcp_socket socket, raftkit::u64 id)
    : server_(&of),
      socket_(std::move(socket)),
      id_(id),
      parser_(of.values().value_bytes_max + (1u << 20)) {
    fd = socket_.fd();
    ready = [](raftkit::watcher& self, raftkit::u32 events) noexcept {
        static_cast<session&>(self).on_ready(events);
    };
}

session::~session() {
    for (request* each : requests_) {
        if (each->done || each->confirmed) {
            delete each;
        } else {
            each->owner = nullptr;  // its finish deletes it
        }
    }
}

void session::on_ready(raftkit::u32 events) {
    if (gone_) return;
    if ((events & raftkit::poll_error) != 0 && (events & raftkit::poll_in) == 0) return leave();
    if ((events & raftkit::poll_out) != 0) flush();
    if ((events & raftkit::poll_in) != 0 && !gone_) take_input();
}

void session::take_input() {
    if ((interest_ & raftkit::poll_in) == 0) return;
    char* into = parser_.space(read_bytes);
    const raftkit::result<raftkit::u64> got =
        raftkit::receive_some(socket_, {reinterpret_cast<std::byte*>(into), read_bytes});
    if (!got) {
        if (got.why().code == raftkit::errc::busy) return;
        if (got.why().code != raftkit::errc::not_found) return leave();
        end_of_input_ = true;  // it said all it had to say; what it asked is still answered
    } else {
        parser_.filled(static_cast<std::size_t>(*got));
    }
    process();
    server_->flush_later(*this);
}

void session::process() {
    if (processing_ || gone_) return;
    processing_ = true;
    while (!closing_ || parsed_) {
        if (!parsed_) {
            if (requests_.size() >= requests_max || full() || server_->busy()) break;
            const request_parser::step step = parser_.next();
            if (step == request_parser::step::more) {
                closing_ |= end_of_input_;
                break;
            }
            if (step == request_parser::step::broken) {
                fail("ERR " + parser_.why());
                closing_ = true;
                break;
            }
            if (step == request_parser::step::too_large) {
                fail("ERR the request is too large: values of up to " +
                     std::to_string(server_->values().value_bytes_max) +
                     " bytes (--value-bytes-max)");
                transaction_failed_ = true;
                continue;
            }
            ++server_->commands_seen;
            parsed_ = true;
        }
        if (dispatch(parser_.args()) == flow::wait) break;
        parsed_ = false;
    }
    processing_ = false;
    finish_head();
    update_interest(flush_queued);
}

session::flow session::dispatch(words args) {
    const command_row* row = find_command(args[0]);
    const bool fits = row != nullptr && arity_fits(*row, args.size());
    const bool ends_transaction =
        row != nullptr && (row->flags & no_multi_flag) != 0 && fits &&
        (same_text(args[0], "exec") || same_text(args[0], "discard") ||
         same_text(args[0], "multi") || same_text(args[0], "quit") || same_text(args[0], "reset"));
    if (transaction_ && !ends_transaction) {
        queue_in_transaction(fits ? row : nullptr, args);
        return flow::on;
    }
    if (row == nullptr) {
        fail(unknown_command(args));
        return flow::on;
    }
    if (!fits) {
        fail(wrong_arity(row->name));
        return flow::on;
    }
    if (row->data != nullptr) return dispatch_data(*row, args);
    if (same_text(row->name, "exec") && transaction_ && !requests_.empty()) {
        // It may be a write or a read: everything before it ends first.
        return flow::wait;
    }
    row->local(*this, args);
    return flow::on;
}

session::flow session::dispatch_data(const command_row& row, words args) {
    if (!server_->serving()) {
        fail("LOADING Redis is loading the dataset in memory");
        return flow::on;
    }
    if (const std::string why = refusal(row, args); !why.empty()) {
        fail(why);
        return flow::on;
    }
    if ((row.flags & write_flag) != 0) return start_write(nullptr, &row, args);
    std::vector<queued_command> one;
    one.push_back(queue_of(row, args));
    return start_read(std::move(one), false);
}

// What can be refused before anything is logged, in Redis's words. A follower redirects first: its
// state may be old.
std::string session::refusal(const command_row& row, words args) const {
    if (std::string why = syntax_error(row, args); !why.empty()) return why;
    return growth_refusal(row, args);
}

std::string session::growth_refusal(const command_row& row, words args) const {
    if ((row.flags & denyoom_flag) == 0 || !server_->leading()) return {};
    const raftkit::u64 value_max = server_->values().value_bytes_max;
    raftkit::u64 added = 0, longest = 0;
    for (const std::string_view each : args.subspan(1)) {
        added += each.size();
        longest = std::max<raftkit::u64>(longest, each.size());
    }
    if (same_text(row.name, "append")) {
        if (const auto old = server_->data().values().find(args[1]))
            longest = std::max(longest, old->size() + args[2].size());
    }
    if (longest > value_max)
        return "ERR string exceeds maximum allowed size (--value-bytes-max " +
               std::to_string(value_max) + ")";
    const raftkit::u64 memory_max = server_->values().max_memory;
    if (memory_max != 0 && server_->data().values().bytes() + added > memory_max) {
        return "OOM command not allowed when used memory > 'maxmemory'.";
    }
    return {};
}

bool session::under_way(request::what_for use) const {
    // Of the newest unfinished one: all unfinished ones of a connection are of one kind.
    for (auto each = requests_.rbegin(); each != requests_.rend(); ++each) {
        if (!(*each)->done) return (*each)->use == use;
    }
    return true;
}

session::flow session::start_write(std::vector<queued_command>* commands, const command_row* row,
                                   words args) {
    if (!under_way(request::what_for::write)) return flow::wait;
    request& made = add_request(request::what_for::write);
    entry_.begin(protocol, commands != nullptr);
    if (commands != nullptr) {
        for (const queued_command& each : *commands) entry_.add(*each.row, views(each.args));
    } else {
        entry_.add(*row, args);
        made.slot = slot_of(*row, args);
    }
    made.bytes = entry_.bytes().size();
    made.deadline = server_->deadline();
    server_->bytes_under_way += made.bytes;
    server_->propose(entry_.bytes(), made);
    return flow::on;
}

session::flow session::start_read(std::vector<queued_command> commands, bool transaction) {
    if (!under_way(request::what_for::read)) return flow::wait;
    request& made = add_request(request::what_for::read);
    made.slot = slot_of(*commands[0].row, views(commands[0].args));
    made.commands = std::move(commands);
    made.transaction = transaction;
    made.deadline = server_->deadline();
    const bool stale = !server_->leading() && (readonly || server_->values().stale_followers);
    if (stale) {
        made.confirmed = true;
        finished();
        return flow::on;
    }
    server_->read(made);
    return flow::on;
}

request& session::add_request(request::what_for use) {
    auto* made = new request;
    made->owner = this;
    made->host = server_;
    made->use = use;
    made->protocol = protocol;
    made->finish = [](raftkit::operation& self, raftkit::error why,
                      raftkit::byte_span reply) noexcept {
        auto& one = static_cast<request&>(self);
        server& host = *one.host;
        host.bytes_under_way -= std::min(host.bytes_under_way, one.bytes);
        if (one.owner == nullptr) {
            delete &one;
            return;
        }
        if (why) {
            reply_writer(one.reply, one.protocol).error(error_text(host, one, why));
        } else if (one.use != request::what_for::read) {
            one.reply.assign(raftkit::as_text(reply));
        }
        one.confirmed = !why && one.use == request::what_for::read;
        one.done = !one.confirmed;
        one.owner->finished();
    };
    requests_.push_back(made);
    return *made;
}

void session::finished() {
    finish_head();
    process();  // what waited for this one
    server_->flush_later(*this);
}

void session::carry_out(request& read) {
    reply_writer reply(read.reply, read.protocol);
    if (read.transaction) reply.array(read.commands.size());
    for (const queued_command& each : read.commands) {
        server_->data().run(*each.row, views(each.args), reply);
    }
    read.done = true;
}

bool session::full() const { return out_.size() - out_at_ > out_pause; }

// Replies leave in the order of their requests. A read is carried out when its reply can leave: it
// sees at least what it was confirmed for, and a client that does not read can't pile replies up.
void session::finish_head() {
    while (!requests_.empty()) {
        request* head = requests_.front();
        if (head->confirmed && !head->done && !full()) carry_out(*head);
        if (!head->done) break;
        requests_.pop_front();
        out_ += head->reply;
        delete head;
    }
    if (out_at_ < out_.size()) server_->flush_later(*this);
}

reply_writer session::answer() {
    request& made = add_request(request::what_for::answered);
    made.done = true;
    server_->flush_later(*this);
    return {made.reply, protocol};
}

void session::unpark() {
    if (!std::exchange(parked_, false)) return;
    process();
    update_interest(false);  // the turn's flush is over
}

void session::fail(std::string_view text) { answer().error(text); }

void session::reset() {
    drop_transaction();
    protocol = 2;
    readonly = false;
    name.clear();
}

void session::flush() {
    do {
        finish_head();
        if (!send_out()) return leave();
        // What waited for room is carried out now.
    } while (out_.empty() && !requests_.empty() && requests_.front()->confirmed);
    if (out_.empty() && closing_ && requests_.empty()) return leave();
    process();
    update_interest(false);
}

// As much as the socket takes; false: the connection is broken.
bool session::send_out() {
    while (out_at_ < out_.size()) {
        const raftkit::byte_span rest = raftkit::as_bytes(std::string_view(out_).substr(out_at_));
        const raftkit::result<raftkit::u64> sent = raftkit::send_some(socket_, {&rest, 1});
        if (!sent) return false;
        if (*sent == 0) break;
        out_at_ += static_cast<std::size_t>(*sent);
    }
    if (out_at_ == out_.size()) {
        out_.clear();
        out_at_ = 0;
        if (out_.capacity() > out_pause) out_ = {};
    } else if (out_at_ > out_pause) {
        out_.erase(0, out_at_);
        out_at_ = 0;
    }
    return true;
}

// What the flush of this turn will send needs no event: most replies leave at once, and to ask for
// an event and take it back would be two system calls a reply.
void session::update_interest(bool flush_follows) {
    if (gone_) return;
    parked_ |= server_->busy();
    const bool later = parsed_ || closing_ || end_of_input_ || requests_.size() >= requests_max ||
                       full() || server_->busy();
    const bool waits_to_send = out_at_ < out_.size() && !flush_follows;
    const raftkit::u32 wanted =
        (later ? 0 : raftkit::poll_in) | (waits_to_send ? raftkit::poll_out : 0);
    if (wanted == interest_) return;
    interest_ = wanted;
    server_->change(*this, wanted);
}

void session::leave() {
    if (gone_) return;
    gone_ = true;
    server_->forget(*this);
}

}  // namespace kvd
