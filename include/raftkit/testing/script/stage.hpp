#pragma once
// The stage of a script: cores whose disks, machines, clocks and messages move only when a line
// says so. Whatever a core wants done becomes one line of output, in a fixed order of kinds.

#include <deque>
#include <map>
#include <memory>
#include <string>

#include <raftkit/core/consensus.hpp>
#include <raftkit/testing/sim/core_disk.hpp>
#include <raftkit/testing/sim/parcel.hpp>
#include <raftkit/testing/words.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline std::vector<std::byte> forged_record(log_id at, const std::string& body) {
    std::vector<std::byte> record(record_bytes(static_cast<u32>(body.size())));
    byte_writer out(record);
    out.put_zeros(record_header_bytes);
    out.put_bytes(as_bytes(body));
    seal_record(record.data(), at, static_cast<u8>(entry_kind::command), 0,
                static_cast<u32>(body.size()));
    return record;
}

struct script_actor {
    node_id id;
    core_disk disk;
    std::optional<snapshot_meta> snapshot;  // newest durable
    core::options numbers;
    std::unique_ptr<core::consensus> core;
    instant now = instant{} + seconds(10);
    std::deque<run_view> applying;
    index_t applied;
    std::optional<accept_snapshot> accepting;
    u64 seed = 0;
};

struct script_mail {
    node_id from, to;
    parcel content;
};

class script_stage {
public:
    core::options numbers;
    std::map<u64, script_actor> actors;
    std::deque<script_mail> mail;
    std::map<std::string, std::deque<script_mail>> stashes;
    u64 next_nonce = 1;

    script_actor* find(u64 id) {
        const auto found = actors.find(id);
        return found == actors.end() ? nullptr : &found->second;
    }
    // Everybody starts joined: first meetings have a script of their own.
    void create(u64 id, const log_base& base, const std::vector<u64>& terms, hard_state hard,
                bool joined) {
        script_actor& made = actors[id];
        made.id = {id};
        made.numbers = numbers;
        made.seed = id;
        disk_image& image = made.disk.image();
        image.base = base;
        image.hard = hard;
        image.peers.joined = joined;
        index_t index = base.at.index;
        for (u64 term : terms) {
            index = index.next();
            image.records.push_back(
                forged_record({index, {term}}, "e" + std::to_string(index.value)));
            if (image.hard.term.value < term) image.hard.term.value = term;
        }
    }
    std::string start(script_actor& actor) {
        core::recovered found = recovered_from(actor.disk.image());
        found.snapshot = actor.snapshot;
        const core::start_plan plan = core::reconcile(found);
        if (plan.action == core::start_action::damaged) {
            return words(actor.id) + " refuses to start: row " + std::to_string(plan.row) + ", " +
                   plan.why + "\n";
        }
        const identity who{1, 1, actor.id, actor.id.value << 16 | 1};
        actor.applied = actor.snapshot ? actor.snapshot->id.at.index : index_t{};
        actor.core =
            std::make_unique<core::consensus>(who, actor.numbers, std::move(found), actor.seed);
        actor.core->advance(actor.now);
        if (actor.snapshot) actor.core->snapshot_restored(actor.snapshot->id);
        return flush(actor);
    }
    // Takes the effects of a core until it has none and says what they are.
    std::string flush(script_actor& actor) {
        std::string text;
        while (actor.core->has_effects()) {
            effects& batch = actor.core->take_effects();
            if ((batch.has & effects::rarely) != 0) text += do_rare(actor, batch);
            if ((batch.has & effects::persisting) != 0) {
                text += line(actor, words(batch.persist, true));
                actor.disk.persist(batch.persist);
            }
            if ((batch.has & effects::loading) != 0) text += do_load(actor, batch);
            if ((batch.has & effects::sending) != 0) text += do_send(actor, batch);
            if ((batch.has & effects::applying) != 0) {
                for (const run_view& entries : batch.apply) {
                    text += line(actor, "apply [" + words(entries, true) + "]");
                    actor.applying.push_back(entries);
                }
            }
            if ((batch.has & effects::reading) != 0) text += do_reads(actor, batch);
        }
        return text;
    }
    static std::string line(const script_actor& actor, const std::string& what) {
        return words(actor.id) + " " + what + "\n";
    }

private:
    static std::string do_reads(const script_actor& actor, const effects& batch) {
        std::string text;
        for (const read_ready& each : batch.reads) {
            const std::string end = each.status
                                        ? std::string(" fails: ") + name_of(each.status.code) +
                                              " leader=" + std::to_string(each.status.detail)
                                        : " may be served at=" + words(each.at);
            text += line(actor, "read " + words(each.id) + end);
        }
        return text;
    }
    static std::string do_load(script_actor& actor, const effects& batch) {
        std::string text;
        for (const load_request& each : batch.load) {
            text += line(actor, "load " + words(each.first) + ".." + words(each.last));
            actor.disk.load(each);
        }
        return text;
    }
    std::string do_send(script_actor& actor, const effects& batch) {
        std::string text;
        for (const envelope& each : batch.send) {
            text += line(actor, "-> " + words(each.peer) + " " + words(each.body, true));
            post(actor, each);
        }
        return text;
    }
    std::string do_rare(script_actor& actor, effects& batch) {
        std::string text;
        if (batch.rare.role) {
            text += line(actor, std::string("is ") + name_of(batch.rare.role->role) + " term=" +
                                    words(batch.rare.role->term) + " leader=" +
                                    words(batch.rare.role->leader));
        }
        if (batch.rare.compact) {
            text += line(actor, "compact base=" + words(batch.rare.compact->at) + " " +
                                    words(batch.rare.compact->members));
            actor.disk.compact(*batch.rare.compact);
        }
        if (batch.rare.members) text += line(actor, "members " + words(*batch.rare.members));
        for (snapshot_effect& each : batch.rare.snapshots) {
            text += line(actor, words(each));
            if (auto* accept = std::get_if<accept_snapshot>(&each))
                actor.accepting = std::move(*accept);
        }
        if (batch.rare.transfer) {
            text +=
                line(actor, std::string("transfer ends: ") + name_of(batch.rare.transfer->code));
        }
        return text;
    }

public:
    void post(const script_actor& from, const envelope& sent) {
        parcel content(sent);
        const node_id to = sent.peer;
        content.address(from.id, from.id.value << 16 | 1);
        mail.push_back({from.id, to, std::move(content)});
    }
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
