#pragma once
// The commands of a script, one a line. Ids are numbers, positions are index/term, times are like
// 150ms or 2s.
//
//   cluster voters=3 [learners=1] [spares=1] [prevote=off] [check_quorum=off] [lease=on]
//   [joined=off] [name=number] node 2 [log=1,1,2] [term=3] [vote=1] [hint=2] [base=4/1]
//   [snapshot=4/1] [installing]   before start start | restart 2 | crash 2 [survive=1] advance 2
//   150ms | campaign 1 | timeout 1 propose 1 a b | propose 1 bytes=5000            read 1 7 [lease]
//   | transfer 1 2 | change 1 voters=1,2 learners=3 deliver [1->2|->2|1->|all] | drop ... | repeat
//   ... | stash NAME ... | unstash NAME persisted 2 [count] | applied 1 [upto] | settle [1 2]
//   quietly <command>   status 1 | log 1 snapshot 1 5 | compact 1 5 | offer 1 2 | received 2 |
//   filled 2 | restored 2 | failed 2 busy | ended 1 2 peer 1 2 down|up | stop 1 | fence 1 L=5/2 H=3
//   receive 2 from=1 append term=3 prev=3/2 entries=4/3,5/3 commit=3     and likewise for the other
//   messages

#include <sstream>

#include <raftkit/testing/script/forge.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline std::string run_command(script_stage& stage, const std::string& text);

inline std::string command_failed(const script_line& line) { return "cannot: " + line.text + "\n"; }

template <class Match>
std::string for_mail(script_stage& stage, const std::string& which, Match act) {
    std::string text;
    // Only what waits now: what these messages cause waits for another line.
    for (std::size_t left = stage.mail.size(); left > 0; --left) {
        script_mail mail = std::move(stage.mail.front());
        stage.mail.pop_front();
        const std::string from = words(mail.from), to = words(mail.to);
        const bool chosen = which.empty() || which == "all" || which == from + "->" + to ||
                            which == "->" + to || which == from + "->";
        if (chosen) {
            text += act(std::move(mail));
        } else {
            stage.mail.push_back(std::move(mail));
        }
    }
    return text;
}

inline std::string deliver(script_stage& stage, script_mail mail) {
    script_actor* to = stage.find(mail.to.value);
    if (to == nullptr || to->core == nullptr) return words(mail.to) + " is down\n";
    const envelope* letter = mail.content.letter();
    std::string text =
        script_stage::line(*to, "<- " + words(mail.from) + " " + words(letter->body, true));
    to->core->receive(*letter);
    return text + stage.flush(*to);
}

inline std::string mail_command(script_stage& stage, const script_line& line) {
    const std::string which = line.word(line.name == "stash" ? 2 : 1);
    if (line.name == "deliver") {
        return for_mail(stage, which,
                        [&](script_mail mail) { return deliver(stage, std::move(mail)); });
    }
    if (line.name == "drop")
        return for_mail(stage, which, [](script_mail) { return std::string(); });
    if (line.name == "repeat") {
        std::deque<script_mail> copies;
        std::string text = for_mail(stage, which, [&](script_mail mail) {
            copies.push_back({mail.from, mail.to, mail.content.again()});
            return deliver(stage, std::move(mail));
        });
        for (script_mail& each : copies) stage.mail.push_back(std::move(each));
        return text;
    }
    std::deque<script_mail>& stash = stage.stashes[line.word(1)];
    if (line.name == "stash") {
        return for_mail(stage, which, [&](script_mail mail) {
            stash.push_back(std::move(mail));
            return std::string();
        });
    }
    for (script_mail& each : stash) stage.mail.push_back(std::move(each));
    stash.clear();
    return {};
}

inline std::string persisted_command(script_stage& stage, script_actor& actor, std::size_t count) {
    const core_disk::finished done = actor.disk.work(count);
    if (actor.disk.damage() != nullptr) return script_stage::line(actor, actor.disk.damage());
    if (done.durable) actor.core->persisted(*done.durable);
    for (const core_disk::finished::answer& each : done.loaded) {
        actor.core->loaded(each.id, each.status, each.entries);
    }
    return stage.flush(actor);
}

inline std::string applied_command(script_stage& stage, script_actor& actor, u64 upto) {
    while (!actor.applying.empty() && (upto == 0 || actor.applied.value < upto)) {
        actor.applied = actor.applying.front().last();
        actor.applying.pop_front();
    }
    actor.core->applied(actor.applied);
    return stage.flush(actor);
}

// Everything that can happen without time: disks, messages, machines, until nothing is left.
inline std::string settle(script_stage& stage, const script_line& line) {
    std::string text;
    const auto takes_part = [&](u64 id) {
        if (line.words.size() < 2) return true;
        for (std::size_t at = 1; at < line.words.size(); ++at) {
            if (line.words[at] == std::to_string(id)) return true;
        }
        return false;
    };
    for (u32 rounds = 0; rounds < 100; ++rounds) {
        bool moved = false;
        for (auto& [id, actor] : stage.actors) {
            if (actor.core == nullptr || !takes_part(id)) continue;
            if (actor.disk.waiting() > 0) {
                moved = true;
                text += persisted_command(stage, actor, actor.disk.waiting());
            }
            if (!actor.applying.empty()) {
                moved = true;
                text += applied_command(stage, actor, 0);
            }
        }
        text += for_mail(stage, "all", [&](script_mail mail) -> std::string {
            const bool both = takes_part(mail.from.value) && takes_part(mail.to.value);
            if (!both) return {};
            moved = true;
            return deliver(stage, std::move(mail));
        });
        if (!moved) return text;
    }
    return text + "does not settle\n";
}

inline std::string time_command(script_stage& stage, const script_line& line, script_actor& actor) {
    if (line.name == "advance") {
        actor.now = actor.now + duration_of(line.word(2));
        actor.core->advance(actor.now);
        return stage.flush(actor);
    }
    // campaign: as long as it takes until it is a candidate; timeout: only to the next deadline.
    std::string text;
    for (u32 tries = 0; tries < 50; ++tries) {
        const instant due = actor.core->deadline();
        if (due == never) return text + script_stage::line(actor, "waits for nothing");
        actor.now = std::max(actor.now, due);
        actor.core->advance(actor.now);
        text += stage.flush(actor);
        if (line.name == "timeout" || actor.core->status().role != role_kind::follower) return text;
    }
    return text + script_stage::line(actor, "does not campaign");
}

inline std::string told(const script_actor& actor, const error& why, const std::string& good) {
    if (!why) return good.empty() ? "" : script_stage::line(actor, good);
    return script_stage::line(actor,
                              std::string("refuses: ") + name_of(why.code) + " " + why.where);
}

inline std::string ask_command(script_stage& stage, const script_line& line, script_actor& actor) {
    std::string text;
    if (line.name == "propose") {
        const u64 bytes = line.number("bytes", 0);
        const std::string large(bytes, 'x');
        for (std::size_t at = 2; at < line.words.size(); ++at) {
            const std::string body = bytes != 0 ? large : line.words[at];
            const result<log_id> made = actor.core->propose(entry_kind::command, as_bytes(body));
            text += told(actor, made.why(), made ? "proposes at " + words(*made) : "");
        }
    } else if (line.name == "read") {
        const result<void> asked = actor.core->read({line.at(2)}, line.has("lease"));
        text += told(actor, asked.why(), "");
    } else if (line.name == "transfer") {
        text += told(actor, actor.core->transfer_to({line.at(2)}).why(), "");
    } else if (line.name == "change") {
        const result<log_id> made = actor.core->change_members(members_of(line));
        text += told(actor, made.why(), made ? "proposes at " + words(*made) : "");
    } else if (line.name == "peer") {
        actor.core->peer_changed({line.at(2)}, line.word(3) == "up");
    } else if (line.name == "stop") {
        actor.core->stop({errc::io, 5, "script"});
    } else {
        actor.core->fence({line.has("L"), line.position("L"), {line.number("H", 1)}});
    }
    return text + stage.flush(actor);
}

inline std::string snapshot_command(script_stage& stage, const script_line& line,
                                    script_actor& actor) {
    core::consensus& core = *actor.core;
    std::string text;
    const snapshot_id accepted = actor.accepting ? actor.accepting->meta.id : snapshot_id{};
    if (line.name == "snapshot") {
        const result<snapshot_basis> basis = core.basis_at({line.at(2)});
        if (!basis) return told(actor, basis.why(), "");
        snapshot_meta meta;
        meta.id = {basis->at, stage.next_nonce++};
        meta.members = basis->members;
        actor.snapshot = meta;
        text =
            script_stage::line(actor, "publishes " + words(meta.id.at) + " " + words(meta.members));
        core.snapshot_published(meta);
    } else if (line.name == "compact") {
        core.compact_to({line.at(2)});
    } else if (line.name == "offer") {
        if (!actor.snapshot) return command_failed(line);
        std::vector<std::byte> meta;
        encode(*actor.snapshot, meta);
        stage.post(actor, {{line.at(2)}, 0,
                           snapshot_offer{core.status().term, actor.snapshot->id,
                                          bytes_view::of(byte_span(meta)), {}}});
    } else if (line.name == "received") {
        if (!actor.accepting) return command_failed(line);
        snapshot_meta meta = actor.accepting->meta;
        meta.installing = true;
        actor.snapshot = meta;
        text = script_stage::line(actor,
                                  core.snapshot_received(meta) ? "restores it" : "only keeps it");
    } else if (line.name == "filled") {
        core.snapshot_filled(accepted);
    } else if (line.name == "restored") {
        actor.applied = accepted.at.index;
        core.snapshot_restored(accepted);
    } else if (line.name == "failed") {
        core.accept_failed(accepted, install_status_of(line.word(2)));
    } else {
        core.ship_ended({line.at(2)}, actor.snapshot ? actor.snapshot->id : snapshot_id{},
                        errc::timed_out);
    }
    return text + stage.flush(actor);
}

inline std::string show_command(const script_line& line, script_actor& actor) {
    if (line.name == "log") {
        const disk_image& disk = actor.disk.image();
        std::string text = "disk base=" + words(disk.base.at) + " [";
        for (index_t at = disk.base.at.index.next(); at <= disk.last_index(); at = at.next()) {
            if (text.back() != '[') text += " ";
            text += words(disk.at(at));
        }
        return script_stage::line(actor, text + "] term=" + words(disk.hard.term) +
                                             " vote=" + words(disk.hard.voted_for));
    }
    const core::status& now = actor.core->status();
    std::string text = script_stage::line(
        actor, std::string(name_of(now.role)) + " term=" + words(now.term) +
                   " leader=" + words(now.leader) + " vote=" + words(now.voted_for) +
                   " first=" + words(now.first) + " last=" + words(now.last) +
                   " stable=" + words(now.stable) + " commit=" + words(now.commit) +
                   " applied=" + words(now.applied) + (now.joint ? " joint" : "") +
                   (now.fenced ? " fenced" : "") + (now.joined ? "" : " not joined"));
    static constexpr const char* modes[] = {"probing", "replicating", "snapshotting"};
    for (u32 slot = 0; slot < now.peer_count; ++slot) {
        const core::peer_status& peer = now.peers[slot];
        text += script_stage::line(actor, "  peer " + words(peer.id) + " " +
                                              modes[static_cast<u8>(peer.mode)] + " match=" +
                                              words(peer.match) + " next=" + words(peer.next));
    }
    return text;
}

inline std::string actor_command(script_stage& stage, const script_line& line,
                                 script_actor& actor) {
    const std::string& name = line.name;
    if (name == "persisted") {
        return persisted_command(stage, actor,
                                 line.words.size() > 2 ? line.at(2) : actor.disk.waiting());
    }
    if (name == "applied")
        return applied_command(stage, actor, line.words.size() > 2 ? line.at(2) : 0);
    if (name == "advance" || name == "campaign" || name == "timeout")
        return time_command(stage, line, actor);
    if (name == "status" || name == "log") return show_command(line, actor);
    if (name == "receive") {
        forged made = forge(line);
        actor.core->receive(made.mail);
        return stage.flush(actor);
    }
    if (name == "crash") {
        actor.applying.clear();
        actor.accepting.reset();
        actor.disk.crash(line.number("survive", 0));
        actor.core.reset();
        return {};
    }
    static const std::string snapshots =
        " snapshot compact offer received filled restored failed ended ";
    if (snapshots.find(" " + name + " ") != std::string::npos)
        return snapshot_command(stage, line, actor);
    static const std::string requests = " propose read transfer change peer stop fence ";
    if (requests.find(" " + name + " ") != std::string::npos)
        return ask_command(stage, line, actor);
    return command_failed(line);
}

inline std::string run_command(script_stage& stage, const std::string& text) {
    if (text.starts_with("quietly ")) {
        (void)run_command(stage, text.substr(8));
        return {};
    }
    const script_line line = parse_line(text);
    if (line.name == "cluster") return create_cluster(stage, line);
    if (line.name == "node") return describe_node(stage, line);
    if (line.name == "start") {
        std::string all;
        for (auto& [id, actor] : stage.actors) all += stage.start(actor);
        return all;
    }
    static const std::string mails = " deliver drop repeat stash unstash ";
    if (mails.find(" " + line.name + " ") != std::string::npos) return mail_command(stage, line);
    if (line.name == "settle") return settle(stage, line);
    script_actor* actor = stage.find(line.at(1));
    if (actor == nullptr) return command_failed(line);
    if (line.name == "restart") return stage.start(*actor);
    if (actor->core == nullptr && line.name != "log") return words(actor->id) + " is down\n";
    return actor_command(stage, line, *actor);
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
