#pragma once
// Judges a trace from its text alone: every line must be well-formed and must be a step that Raft
// allows after the lines before it. It shares no code with the nodes that wrote the lines, and asks
// them for no opinion: who led, what is durable where and what is committed follow from the lines.
//
//     trace_checker check;
//     while (std::getline(file, line) && check.take(line)) {}
//     if (!check.ok()) report(check.violation());      // "line 12: node 2: votes once a term ..."
//
// Source: Raft, Figures 2, 3 and 8, §5.4.2 and §6; the lines are described in trace/writer.hpp.

#include <algorithm>
#include <initializer_list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raftkit/testing/check/ghost_node.hpp>
#include <raftkit/testing/trace/line.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

// Which rule a line breaks. The tests inject a defect for each.
namespace trace_rule {
inline constexpr const char* syntax = "a line is well-formed";
inline constexpr const char* life = "a node speaks between its start and its crash";
inline constexpr const char* one_leader = "a term has one leader";
inline constexpr const char* one_vote = "a node votes once a term";
inline constexpr const char* term_rises = "the term never falls";
inline constexpr const char* roles = "roles change in legal steps";
inline constexpr const char* elected = "a leader has the durable votes of a majority";
inline constexpr const char* complete = "a leader has every committed entry";
inline constexpr const char* rises = "first, commit and applied never fall";
inline constexpr const char* bounds = "applied <= commit <= last";
inline constexpr const char* quorum = "a commit is durable on a majority";
inline constexpr const char* own_term = "a leader commits by an entry of its own term";
inline constexpr const char* matching = "logs with an equal entry are equal up to it";
inline constexpr const char* gapless = "a log has no gap and its terms never fall";
inline constexpr const char* append_only = "a leader never overwrites its log";
inline constexpr const char* superseded = "only uncommitted entries that differ are superseded";
inline constexpr const char* durable = "what was durable is recovered";
inline constexpr const char* tickets = "tickets rise";
inline constexpr const char* promises = "a promise names what is durable";
inline constexpr const char* machine = "machines apply what is committed, in order";
inline constexpr const char* snapshots = "a snapshot is a prefix of what is committed and applied";
inline constexpr const char* compaction = "a log begins at a durable snapshot";
inline constexpr const char* changes = "one membership change at a time, through a joint one";
inline constexpr const char* in_force = "the newest configuration in the log is in force";
}  // namespace trace_rule

struct trace_verdict {
    u64 line = 0;  // from 1; 0: none
    const char* rule = nullptr;
    std::string what;

    std::string text() const {
        if (rule == nullptr) return "";
        return "line " + std::to_string(line) + ": " + rule + ": " + what;
    }
};

class trace_checker {
public:
    // False from the first bad line on; later lines are not looked at.
    bool take(std::string_view text);
    // Every line of a trace.
    bool take_all(std::string_view text) {
        while (ok() && !text.empty()) {
            const std::size_t end = std::min(text.find('\n'), text.size());
            take(text.substr(0, end));
            text.remove_prefix(std::min(end + 1, text.size()));
        }
        return ok();
    }

    bool ok() const noexcept { return verdict_.rule == nullptr; }
    const trace_verdict& violation() const noexcept { return verdict_; }
    u64 lines() const noexcept { return line_; }
    index_t committed() const noexcept { return {committed_.size()}; }
    std::size_t terms_led() const noexcept { return leaders_.size(); }

private:
    struct members_seen {
        std::vector<u64> voters, old, learners;
        bool joint() const noexcept { return !old.empty(); }
        friend bool operator==(const members_seen&, const members_seen&) = default;
    };
    struct state_seen {
        std::string role;
        u64 term = 0, leader = 0, first = 0, last = 0, commit = 0, applied = 0;
    };
    struct shelved {
        log_id at;
        u64 nonce = 0;
        friend bool operator==(const shelved&, const shelved&) = default;
    };
    struct node_seen {
        bool up = false, spoke = false;
        ghost_disk memory, durable;
        std::deque<ghost_batch> waiting;
        ticket last_ticket, last_durable;
        std::optional<state_seen> now;
        std::vector<shelved> shelf;
        index_t compacted, applied, rotten;

        index_t newest_snapshot() const noexcept {
            index_t newest;
            for (const shelved& each : shelf) newest = std::max(newest, each.at.index);
            return newest;
        }
    };
    using place = std::pair<index_t, term_t>;

    // --- the line at hand; a missing or misshapen field is a syntax error
    const trace_field* field(std::string_view name, trace_kind kind);
    u64 number(std::string_view name) {
        const trace_field* found = field(name, trace_kind::number);
        return found != nullptr ? found->number : 0;
    }
    std::vector<u64> list(std::string_view name) {
        const trace_field* found = field(name, trace_kind::list);
        return found != nullptr ? found->list : std::vector<u64>{};
    }
    std::string word(std::string_view name) {
        const trace_field* found = field(name, trace_kind::word);
        return found != nullptr ? found->word : std::string();
    }
    bool has(std::string_view name) const noexcept { return now_.find(name) != nullptr; }
    log_id position() { return {{number("index")}, {number("term")}}; }
    members_seen members();

    void broken(const char* rule, const std::string& what) {
        if (!ok()) return;
        verdict_ = {line_, rule, what};
        if (who_) verdict_.what = "node " + std::to_string(who_.value) + ": " + what;
    }
    void broken(const char* rule, const std::string& what, u64 at) {
        broken(rule, what + " " + std::to_string(at));
    }

    void event();
    bool life_event(std::string_view name, node_seen& node);
    void boot();
    void recover(node_seen& node);
    void crash(node_seen& node);
    void spell_members();

    void persist(node_seen& node);
    void take_hard(node_seen& node, ghost_batch& batch);
    void take_reset(node_seen& node, ghost_batch& batch);
    void take_entries(node_seen& node, ghost_batch& batch);
    bool take_entry(node_seen& node, ghost_batch& batch, log_id at, u64 kind, u64 sum);
    void check_supersedes(const node_seen& node, index_t at, u64 chain);
    void check_change(const node_seen& node, log_id at);
    void durable(node_seen& node);
    void compact(node_seen& node);

    void state(node_seen& node);
    void check_role(const node_seen& node, const state_seen& next);
    void check_rises(const node_seen& node, const state_seen& next);
    void lead(const node_seen& node, term_t term);
    void commit(const node_seen& node, term_t term);
    void check_commit(const node_seen& node);
    void go_by(const node_seen& node);
    void promise(std::string_view name, const node_seen& node);

    void apply(node_seen& node);
    void pass_silent(node_seen& node, index_t upto);
    void publish(node_seen& node, const shelved& made, bool captured);
    void shelf(node_seen& node);
    void remove(node_seen& node);
    void restore(node_seen& node);

    const members_seen& members_of(const ghost_log& log) const;
    const members_seen& committed_members(index_t upto) const;
    template <class Holds>
    bool majority(const members_seen& of, Holds holds) const;
    bool is_committed(log_id at) const noexcept {
        return !at.index ||
               (at.index <= committed() && committed_[at.index.value - 1].term == at.term);
    }
    bool leads(node_id who, term_t term) const {
        const auto found = leaders_.find(term);
        return found != leaders_.end() && found->second == who;
    }

    u64 line_ = 0;
    trace_line now_;
    std::size_t read_ = 0;  // fields of the line that were asked for
    node_id who_;
    trace_verdict verdict_;

    std::map<node_id, node_seen> nodes_;
    std::map<term_t, node_id> leaders_;
    std::map<std::pair<term_t, node_id>, node_id> votes_;  // durable: (term, voter) -> candidate
    std::map<place, u64> chains_;
    std::map<place, members_seen> members_;
    std::vector<ghost_entry> committed_;  // from index 1
    std::vector<term_t> committed_by_;
    std::vector<index_t> committed_changes_;
};

inline const trace_field* trace_checker::field(std::string_view name, trace_kind kind) {
    const trace_field* found = now_.find(name);
    if (found == nullptr || found->kind != kind) {
        broken(trace_rule::syntax, "field " + std::string(name) + " is missing or of another kind");
        return nullptr;
    }
    ++read_;
    return found;
}

inline bool trace_checker::take(std::string_view text) {
    if (!ok()) return false;
    ++line_;
    who_ = {};
    result<trace_line> parsed = trace_line::parse(text);
    if (!parsed) {
        broken(trace_rule::syntax, std::string(parsed.why().where) + " at column",
               parsed.why().detail);
        return false;
    }
    now_ = std::move(*parsed);
    read_ = 1;  // the event itself
    event();
    if (ok() && read_ != now_.fields().size()) {
        broken(trace_rule::syntax, "a field that this event does not have");
    }
    return ok();
}

inline void trace_checker::event() {
    const std::string name(now_.event());
    if (name == "boot") return boot();
    if (line_ == 1) return broken(trace_rule::syntax, "the first line is not boot");
    who_ = {number("node")};
    if (!who_) return broken(trace_rule::syntax, "an event without a node");
    node_seen& node = nodes_[who_];
    if (life_event(name, node)) return;
    if (!node.up) return broken(trace_rule::life, name + " of a node that is down");
    node.spoke = true;
    if (name == "members") return spell_members();
    if (name == "persist") return persist(node);
    if (name == "durable") return durable(node);
    if (name == "compact") return compact(node);
    if (name == "state") return state(node);
    if (name == "in_force") return go_by(node);
    if (name == "ask" || name == "grant" || name == "ack") return promise(name, node);
    if (name == "apply") return apply(node);
    if (name == "publish") {
        const shelved made{position(), number("nonce")};
        return publish(node, made, word("origin") == "captured");
    }
    if (name == "remove") return remove(node);
    if (name == "restore") return restore(node);
    if (name == "shelf") return shelf(node);
    if (name == "rotten") {
        node.rotten = {number("index")};
        return;
    }
    broken(trace_rule::syntax, "no such event: " + name);
}

template <class Holds>
bool trace_checker::majority(const members_seen& of, Holds holds) const {
    const auto most = [&](const std::vector<u64>& voters) {
        std::size_t have = 0;
        for (const u64 each : voters) have += holds(node_id{each}) ? 1 : 0;
        return have * 2 > voters.size();
    };
    return most(of.voters) && (!of.joint() || most(of.old));
}

inline const trace_checker::members_seen& trace_checker::committed_members(index_t upto) const {
    for (auto each = committed_changes_.rbegin(); each != committed_changes_.rend(); ++each) {
        if (*each <= upto) return members_.at({*each, committed_[each->value - 1].term});
    }
    return members_.at({{}, {}});
}

// The newest in the log, else that of the snapshot it begins with, else the first of all.
inline const trace_checker::members_seen& trace_checker::members_of(const ghost_log& log) const {
    const index_t at = log.members_at(log.last_index());
    if (at == log.base().index) return committed_members(at);
    return members_.at({at, log.term_at(at)});
}

}  // namespace testing

RAFTKIT_NAMESPACE_END

#include <raftkit/testing/trace/checker/core.hpp>
#include <raftkit/testing/trace/checker/disk.hpp>
#include <raftkit/testing/trace/checker/machine.hpp>
