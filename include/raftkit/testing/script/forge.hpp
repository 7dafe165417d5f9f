#pragma once
// Lines of a script as words and name=value pairs, and what can be made of them: clusters, nodes
// with a history, and messages that no honest node would send now.

#include <sstream>
#include <string>
#include <vector>

#include <raftkit/testing/script/stage.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

struct script_line {
    std::string text, name;
    std::vector<std::string> words;  // all of them, the name first

    std::string word(std::size_t at) const { return at < words.size() ? words[at] : std::string(); }
    u64 at(std::size_t place) const { return std::strtoull(word(place).c_str(), nullptr, 10); }
    std::string value(const std::string& key) const {
        for (const std::string& each : words) {
            if (each.starts_with(key + "=")) return each.substr(key.size() + 1);
        }
        return {};
    }
    bool has(const std::string& key) const {
        for (const std::string& each : words) {
            if (each == key || each.starts_with(key + "=")) return true;
        }
        return false;
    }
    u64 number(const std::string& key, u64 otherwise) const {
        return has(key) ? std::strtoull(value(key).c_str(), nullptr, 10) : otherwise;
    }
    bool on(const std::string& key, bool otherwise) const {
        return has(key) ? value(key) != "off" : otherwise;
    }
    log_id position(const std::string& key) const { return position_of(value(key)); }
    static log_id position_of(const std::string& text) {
        char* end = nullptr;
        const u64 index = std::strtoull(text.c_str(), &end, 10);
        const u64 term = *end == '/' ? std::strtoull(end + 1, nullptr, 10) : 0;
        return {{index}, {term}};
    }
};

inline std::vector<std::string> split(const std::string& text, char by) {
    std::vector<std::string> parts;
    std::istringstream in(text);
    for (std::string part; std::getline(in, part, by);) {
        if (!part.empty()) parts.push_back(part);
    }
    return parts;
}
inline std::vector<u64> numbers_of(const std::string& text) {
    std::vector<u64> numbers;
    for (const std::string& each : split(text, ','))
        numbers.push_back(std::strtoull(each.c_str(), nullptr, 10));
    return numbers;
}
inline script_line parse_line(const std::string& text) {
    script_line line;
    line.text = text;
    line.words = split(text, ' ');
    if (!line.words.empty()) line.name = line.words.front();
    return line;
}
inline duration duration_of(const std::string& text) {
    char* unit = nullptr;
    const auto count = static_cast<i64>(std::strtoull(text.c_str(), &unit, 10));
    return std::string(unit) == "s" ? seconds(count) : milliseconds(count);
}
inline install_status install_status_of(const std::string& text) {
    for (u8 each = 0; each <= static_cast<u8>(install_status::cancelled); ++each) {
        if (text == words(static_cast<install_status>(each)))
            return static_cast<install_status>(each);
    }
    return install_status::cancelled;
}

inline configuration members_of(const script_line& line) {
    configuration made;
    const auto add = [&](const char* key, member_role role) {
        for (u64 id : numbers_of(line.value(key))) {
            made.members.push_back({{id}, role, member_role::none, id << 16 | 1, {}});
        }
    };
    add("voters", member_role::voter);
    add("learners", member_role::learner);
    std::sort(made.members.begin(), made.members.end(),
              [](const member& a, const member& b) { return a.id < b.id; });
    return made;
}

inline std::string create_cluster(script_stage& stage, const script_line& line) {
    core::options& numbers = stage.numbers;
    numbers.prevote = line.on("prevote", true);
    numbers.check_quorum = line.on("check_quorum", true);
    numbers.lease_reads = line.on("lease", false);
    numbers.inflight_messages_max = static_cast<u32>(line.number("inflight", 256));
    numbers.message_bytes_max = static_cast<u32>(line.number("message_bytes", 1u << 20));
    numbers.inflight_bytes_max = line.number("inflight_bytes", 8u << 20);
    numbers.uncommitted_bytes_max = line.number("uncommitted_bytes", 64u << 20);
    numbers.tail_bytes_max = line.number("tail_bytes", 64u << 20);
    numbers.apply_bytes_max = line.number("apply_bytes", 16u << 20);
    numbers.promotion_lag_max = line.number("promotion_lag", 1000);
    configuration all;
    const u64 voters = line.number("voters", 3), learners = line.number("learners", 0);
    for (u64 id = 1; id <= voters + learners; ++id) {
        const member_role role = id <= voters ? member_role::voter : member_role::learner;
        all.members.push_back({{id}, role, member_role::none, 0, {}});
    }
    for (u64 id = 1; id <= voters + learners + line.number("spares", 0); ++id) {
        const bool named = id <= voters + learners;
        stage.create(id, {{}, named ? all : configuration{}}, {}, {}, line.on("joined", named));
    }
    return {};
}

inline std::string describe_node(script_stage& stage, const script_line& line) {
    script_actor* old = stage.find(line.at(1));
    if (old == nullptr) return "cannot: " + line.text + "\n";
    const log_base base{line.position("base"), old->disk.image().base.members};
    const bool joined = old->disk.image().peers.joined;
    stage.actors.erase(line.at(1));
    hard_state hard;
    hard.term = {line.number("term", base.at.term.value)};
    hard.voted_for = {line.number("vote", 0)};
    hard.commit_hint = {line.number("hint", 0)};
    stage.create(line.at(1), base, numbers_of(line.value("log")), hard, joined);
    if (!line.has("snapshot")) return {};
    snapshot_meta meta;
    meta.id = {line.position("snapshot"), stage.next_nonce++};
    meta.members = base.members;
    meta.installing = line.has("installing");
    stage.actors[line.at(1)].snapshot = meta;
    return {};
}

// A message and the bytes that it points to.
struct forged {
    envelope mail;
    std::vector<std::byte> meta;
    run entries;
};

inline run forge_run(const std::string& list) {
    std::vector<std::byte> bytes;
    log_id first;
    u32 count = 0;
    for (const std::string& each : split(list, ',')) {
        const log_id at = script_line::position_of(each);
        const std::size_t colon = each.find(':');
        const std::string body = colon == std::string::npos ? "forged" : each.substr(colon + 1);
        if (count++ == 0) first = at;
        const std::vector<std::byte> record = forged_record(at, body);
        bytes.insert(bytes.end(), record.begin(), record.end());
    }
    if (count == 0) return {};
    block* made = allocate_block(static_cast<u32>(bytes.size()));
    RAFTKIT_ASSERT(made != nullptr);
    std::memcpy(made->bytes(), bytes.data(), bytes.size());
    return run(run_view{made, 0, static_cast<u32>(bytes.size()), first.index, first.term, count},
               run::adopt_t{});
}

inline forged forge(const script_line& line) {
    forged made;
    const u64 from = line.number("from", 1);
    made.mail.peer = {from};
    made.mail.incarnation = line.number("incarnation", from << 16 | 1);
    const term_t term{line.number("term", 0)};
    const u64 round = line.number("round", 0);
    const std::string kind = line.word(3);
    if (kind == "append") {
        append_request body{term,
                            line.position("prev"),
                            {line.number("commit", 0)},
                            {line.number("last", 0)},
                            round,
                            {}};
        made.entries = forge_run(line.value("entries"));
        body.entries = made.entries.view();
        if (line.has("count")) body.entries.count = static_cast<u32>(line.number("count", 0));
        if (line.has("damaged")) {  // the first byte of the first command
            made.entries.view().owner->bytes()[record_header_bytes] ^= std::byte{1};
        }
        made.mail.body = body;
    } else if (kind == "append_reply") {
        made.mail.body = append_reply{term, {line.number("match", 0)}, {line.number("rejected", 0)},
                                      line.position("conflict"), round};
    } else if (kind == "vote" || kind == "prevote") {
        made.mail.body =
            vote_request{term, line.position("last"), round, kind == "prevote", line.has("forced")};
    } else if (kind == "vote_reply" || kind == "prevote_reply") {
        made.mail.body = vote_reply{term, round, kind == "prevote_reply", line.has("granted")};
    } else if (kind == "timeout_now") {
        made.mail.body = timeout_now{term};
    } else if (kind == "introduce") {
        made.mail.body = introduce{term, line.has("answer")};
    } else if (kind == "snapshot_done") {
        made.mail.body = snapshot_done{term,
                                       {line.position("at"), line.number("nonce", 1)},
                                       install_status_of(line.value("status")),
                                       {line.number("match", 0)}};
    } else {
        snapshot_meta meta;
        meta.id = {line.position("at"), line.number("nonce", 1)};
        meta.members = members_of(line);
        encode(meta, made.meta);
        made.mail.body = snapshot_offer{term, meta.id, bytes_view::of(byte_span(made.meta)), {}};
    }
    return made;
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
