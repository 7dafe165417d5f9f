#pragma once
// Messages and batches as short text, for scripts and traces: "append term=4 prev=3/2 entries=[4/3
// 5/3] commit=3". A position is index/term.

#include <span>
#include <string>

#include <raftkit/core/configuration.hpp>
#include <raftkit/core/effects.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

template <class Tag>
std::string words(ordinal<Tag> value) {
    return std::to_string(value.value);
}
inline std::string words(log_id at) { return words(at.index) + "/" + words(at.term); }

inline std::string words(const configuration& of) {
    std::string voters, learners, old;
    const auto add = [](std::string& to, node_id id) { to += (to.empty() ? "" : ",") + words(id); };
    for (const member& each : of.members) {
        if (each.role == member_role::voter) add(voters, each.id);
        if (each.role == member_role::learner) add(learners, each.id);
        if (of.joint && each.old_role == member_role::voter) add(old, each.id);
    }
    std::string text = "voters=" + voters;
    if (!learners.empty()) text += " learners=" + learners;
    if (of.joint) text += " old=" + old;
    return text;
}

inline std::string words(const run_view& entries, bool bodies) {
    std::string text;
    for (const entry_view entry : entries) {
        if (!text.empty()) text += " ";
        text += words(entry.at);
        if (entry.kind == entry_kind::barrier) text += ":barrier";
        if (entry.kind == entry_kind::membership) {
            const result<configuration> members = decode_configuration(entry.body);
            text += members ? ":{" + words(*members) + "}" : ":{damaged}";
        }
        if (entry.kind == entry_kind::command && bodies)
            text += ":" + std::string(as_text(entry.body));
    }
    return text;
}

inline const char* words(install_status status) noexcept {
    switch (status) {
        case install_status::installed: return "installed";
        case install_status::already_have: return "already_have";
        case install_status::installing: return "installing";
        case install_status::busy: return "busy";
        case install_status::stale: return "stale";
        case install_status::corrupt: return "corrupt";
        case install_status::restore_failed: return "restore_failed";
        case install_status::cancelled: return "cancelled";
    }
    return "?";
}

inline std::string words(const vote_request& of) {
    return std::string(of.pre ? "prevote" : "vote") + " term=" + words(of.term) +
           " last=" + words(of.last) + (of.forced ? " forced" : "");
}
inline std::string words(const vote_reply& of) {
    return std::string(of.pre ? "prevote_reply" : "vote_reply") + " term=" + words(of.term) +
           (of.granted ? " granted" : " refused");
}
inline std::string words(const append_request& of, bool bodies) {
    std::string text = "append term=" + words(of.term) + " prev=" + words(of.previous);
    if (!of.entries.empty()) text += " entries=[" + words(of.entries, bodies) + "]";
    text += " commit=" + words(of.commit);
    if (of.read_round != 0) text += " round=" + std::to_string(of.read_round);
    return text;
}
inline std::string words(const append_reply& of) {
    std::string text = "append_reply term=" + words(of.term);
    if (of.rejected) {
        text += " rejected=" + words(of.rejected);
        if (of.conflict.index) text += " conflict=" + words(of.conflict);
    } else {
        text += " match=" + words(of.match);
    }
    if (of.read_round != 0) text += " round=" + std::to_string(of.read_round);
    return text;
}

inline std::string words(const message& of, bool bodies = false) {
    if (const auto* it = std::get_if<vote_request>(&of)) return words(*it);
    if (const auto* it = std::get_if<vote_reply>(&of)) return words(*it);
    if (const auto* it = std::get_if<append_request>(&of)) return words(*it, bodies);
    if (const auto* it = std::get_if<append_reply>(&of)) return words(*it);
    if (const auto* it = std::get_if<timeout_now>(&of))
        return "timeout_now term=" + words(it->term);
    if (const auto* it = std::get_if<introduce>(&of)) {
        return "introduce term=" + words(it->term) + (it->answer ? " answer" : "");
    }
    if (const auto* it = std::get_if<snapshot_offer>(&of)) {
        return "snapshot_offer term=" + words(it->term) + " at=" + words(it->id.at);
    }
    const auto* it = std::get_if<snapshot_done>(&of);
    return "snapshot_done term=" + words(it->term) + " at=" + words(it->id.at) + " " +
           words(it->status) + " match=" + words(it->match);
}

inline std::string words(const persist_batch& of, bool bodies = false) {
    std::string text = "persist ticket=" + words(of.id);
    if (of.hard != nullptr) {
        text += " term=" + words(of.hard->term) + " vote=" + words(of.hard->voted_for);
        if (of.hard->commit_hint) text += " hint=" + words(of.hard->commit_hint);
    }
    if (of.fence != nullptr) text += of.fence->at_damage ? " fence" : " unfence";
    if (of.peers != nullptr) {
        text += " peers=";
        for (const auto& [id, incarnation] : of.peers->incarnations) text += words(id) + ",";
        if (text.back() == ',') text.pop_back();
        if (of.peers->joined) text += " joined";
    }
    if (of.reset != nullptr) text += " reset=" + words(of.reset->at);
    if (!of.append.empty()) {
        text += " append=[";
        for (const run_view& entries : of.append) {
            if (text.back() != '[') text += " ";
            text += words(entries, bodies);
        }
        text += "]";
    }
    return text;
}

inline std::string words(const snapshot_effect& of) {
    if (const auto* it = std::get_if<ship_snapshot>(&of)) {
        return "ship_snapshot to=" + words(it->to) + " at_least=" + words(it->at_least);
    }
    if (const auto* it = std::get_if<cancel_ship>(&of)) return "cancel_ship to=" + words(it->to);
    if (const auto* it = std::get_if<accept_snapshot>(&of)) {
        return "accept_snapshot from=" + words(it->from) + " at=" + words(it->meta.id.at);
    }
    if (const auto* it = std::get_if<cancel_accept>(&of))
        return "cancel_accept at=" + words(it->id.at);
    return "restore_snapshot at=" + words(std::get<restore_snapshot>(of).id.at);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
