#pragma once
// Writes what nodes do as a trace: one line a transition, in an order in which no cause comes after
// its effect. It keeps of every node what it said last, so that a state is written when it changed.
// The lines, and what the checker reads into them:
//
//   boot      voters                                   the configuration at index 0; the first line
//   start     node                                     a life begins
//   recover   node term vote base base_term last last_term    what it found on its disk
//   crash     node                                     a life ends, with what was not durable
//   members   node index term voters old learners      the content of a membership entry
//   persist   node ticket [term vote] [reset reset_term] [first terms kinds sums]
//   durable   node ticket                              this batch and all before it
//   state     node role term leader first last commit applied
//   in_force  node voters old learners                 the configuration that it goes by
//   ask grant ack     node, to, term (, match)         promises that left the node
//   apply     node index term sum                      a command reached the machine
//   publish remove    node index term nonce (origin)   a snapshot, durable and listed
//   restore compact   node index term
//   shelf     node indexes terms nonces                all snapshots of a store that was opened
//   rotten    node index                               the disk damaged this snapshot
//
// `sums` are hashes of the entries' kinds and bodies: logs are compared without their contents.

#include <map>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/core/configuration.hpp>
#include <raftkit/core/message.hpp>
#include <raftkit/core/persist.hpp>
#include <raftkit/core/status.hpp>
#include <raftkit/testing/machine/register_map.hpp>
#include <raftkit/testing/trace/line.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Where lines go, without the line end. Called in the order of the trace.
struct trace_sink {
    void* who = nullptr;
    void (*take)(void* who, std::string_view line) = nullptr;
};

inline u64 sum_of(const entry_view& entry) noexcept {
    return hash_of(entry.body) + static_cast<u64>(entry.kind);
}

class trace_writer {
public:
    explicit trace_writer(trace_sink to) noexcept : to_(to) {}

    u64 lines() const noexcept { return lines_; }

    void boot(const configuration& members) {
        trace_line line("boot");
        put(add(line, members));
    }
    void start(node_id who) {
        said_.erase(who);
        put(of("start", who));
    }
    void recover(node_id who, const hard_state& hard, log_id base, log_id last) {
        put(of("recover", who)
                .number("term", hard.term)
                .number("vote", hard.voted_for)
                .number("base", base.index)
                .number("base_term", base.term)
                .number("last", last.index)
                .number("last_term", last.term));
    }
    void crash(node_id who) {
        said_.erase(who);
        put(of("crash", who));
    }

    void persist(node_id who, const persist_batch& batch);
    void durable(node_id who, ticket upto) {
        ticket& told = said_[who].durable;
        if (upto <= told) return;
        told = upto;
        put(of("durable", who).number("ticket", upto));
    }
    void compact(node_id who, log_id upto) { put(at("compact", who, upto)); }

    void state(node_id who, const core::status& now);
    void in_force(node_id who, const configuration& members) {
        trace_line line = of("in_force", who);
        std::string text = add(line, members).text();
        std::string& told = said_[who].members;
        if (told == text) return;
        told = std::move(text);
        put(line);
    }
    // What is a promise; anything else that is sent may be lost without a trace.
    void send(node_id from, const envelope& mail) {
        if (const auto* ask = std::get_if<vote_request>(&mail.body); ask != nullptr && !ask->pre) {
            put(to("ask", from, mail.peer).number("term", ask->term));
        } else if (const auto* vote = std::get_if<vote_reply>(&mail.body)) {
            if (vote->pre || !vote->granted) return;
            put(to("grant", from, mail.peer).number("term", vote->term));
        } else if (const auto* reply = std::get_if<append_reply>(&mail.body)) {
            if (reply->rejected || !reply->match) return;
            put(to("ack", from, mail.peer)
                    .number("term", reply->term)
                    .number("match", reply->match));
        }
    }

    void apply(node_id who, const entry_view& entry) {
        put(at("apply", who, entry.at).number("sum", sum_of(entry)));
    }
    void publish(node_id who, const snapshot_meta& meta) {
        const bool captured = meta.origin == snapshot_origin::captured;
        put(at("publish", who, meta.id.at)
                .number("nonce", meta.id.nonce)
                .word("origin", captured ? "captured" : "received"));
    }
    void remove(node_id who, snapshot_id id) {
        put(at("remove", who, id.at).number("nonce", id.nonce));
    }
    void restore(node_id who, log_id snapshot) { put(at("restore", who, snapshot)); }
    void rotten(node_id who, index_t snapshot) { put(of("rotten", who).number("index", snapshot)); }
    void shelf(node_id who, const std::vector<snapshot_meta>& all) {
        std::vector<u64> indexes, terms, nonces;
        for (const snapshot_meta& each : all) {
            indexes.push_back(each.id.at.index.value);
            terms.push_back(each.id.at.term.value);
            nonces.push_back(each.id.nonce);
        }
        put(of("shelf", who)
                .list("indexes", std::move(indexes))
                .list("terms", std::move(terms))
                .list("nonces", std::move(nonces)));
    }

private:
    struct last_said {
        ticket durable;
        std::string state, members;
    };

    static trace_line of(std::string_view event, node_id who) {
        trace_line line(event);
        line.number("node", who);
        return line;
    }
    static trace_line to(std::string_view event, node_id who, node_id peer) {
        return of(event, who).number("to", peer);
    }
    static trace_line at(std::string_view event, node_id who, log_id where) {
        return of(event, who).number("index", where.index).number("term", where.term);
    }
    static trace_line& add(trace_line& line, const configuration& members) {
        std::vector<u64> voters, old, learners;
        for (const member& each : members.members) {
            if (each.role == member_role::voter) voters.push_back(each.id.value);
            if (each.role == member_role::learner) learners.push_back(each.id.value);
            if (members.joint && each.old_role == member_role::voter) old.push_back(each.id.value);
        }
        return line.list("voters", std::move(voters))
            .list("old", std::move(old))
            .list("learners", std::move(learners));
    }
    void put(const trace_line& line) {
        ++lines_;
        const std::string text = line.text();
        to_.take(to_.who, text);
    }

    trace_sink to_;
    u64 lines_ = 0;
    std::map<node_id, last_said> said_;
};

// Membership entries are spelt out before the batch that holds them.
inline void trace_writer::persist(node_id who, const persist_batch& batch) {
    trace_line line = of("persist", who).number("ticket", batch.id);
    if (batch.hard != nullptr) {
        line.number("term", batch.hard->term).number("vote", batch.hard->voted_for);
    }
    if (batch.reset != nullptr) {
        line.number("reset", batch.reset->at.index).number("reset_term", batch.reset->at.term);
    }
    std::vector<u64> terms, kinds, sums;
    for (const run_view& entries : batch.append) {
        for (const entry_view entry : entries) {
            if (terms.empty()) line.number("first", entry.at.index);
            terms.push_back(entry.at.term.value);
            kinds.push_back(static_cast<u64>(entry.kind));
            sums.push_back(sum_of(entry));
            if (entry.kind != entry_kind::membership) continue;
            const result<configuration> members = decode_configuration(entry.body);
            trace_line spelt = at("members", who, entry.at);
            if (members) put(add(spelt, *members));
        }
    }
    if (!terms.empty()) {
        line.list("terms", std::move(terms));
        line.list("kinds", std::move(kinds)).list("sums", std::move(sums));
    }
    put(line);
}

inline void trace_writer::state(node_id who, const core::status& now) {
    const trace_line line = of("state", who)
                                .word("role", name_of(now.role))
                                .number("term", now.term)
                                .number("leader", now.leader)
                                .number("first", now.first)
                                .number("last", now.last)
                                .number("commit", now.commit)
                                .number("applied", now.applied);
    std::string text = line.text();
    std::string& told = said_[who].state;
    if (told == text) return;
    told = std::move(text);
    put(line);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
