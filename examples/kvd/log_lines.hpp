#pragma once
// The node's events as lines on stderr: one line an event.

#include <cstdio>

#include <raftkit/concepts/observer.hpp>

namespace kvd {

struct log_lines {
    raftkit::node_id id;
    raftkit::damage* first_damage = nullptr;  // filled in, for the last line of a node that refuses

    void on(const raftkit::role_changed& now) noexcept {
        line("role=%s term=%llu leader=%llu", raftkit::name_of(now.role), number(now.term.value),
             number(now.leader.value));
    }
    void on(const raftkit::phase_changed& now) noexcept {
        line("phase=%s was=%s", raftkit::name_of(now.to), raftkit::name_of(now.from));
    }
    void on(const raftkit::peer_changed& now) noexcept {
        line("peer=%llu %s", number(now.peer.value), now.reachable ? "connected" : "lost");
    }
    void on(const raftkit::snapshot_begun& now) noexcept {
        line("snapshot begun index=%llu cause=%s", number(now.at.index.value), now.cause);
    }
    void on(const raftkit::snapshot_published& now) noexcept {
        line("snapshot published index=%llu bytes=%llu %s", number(now.id.at.index.value),
             number(now.bytes),
             now.origin == raftkit::snapshot_origin::captured ? "saved" : "received");
    }
    void on(const raftkit::snapshot_failed& now) noexcept {
        line("snapshot failed index=%llu why=%s: %s", number(now.at.index.value),
             raftkit::name_of(now.why.code), now.why.where);
    }
    void on(const raftkit::snapshot_shipped& now) noexcept {
        line("snapshot shipped index=%llu to=%llu", number(now.id.at.index.value),
             number(now.to.value));
    }
    void on(const raftkit::snapshot_restored& now) noexcept {
        line("snapshot restored index=%llu", number(now.id.at.index.value));
    }
    void on(const raftkit::compacted& now) noexcept {
        line("log compacted first=%llu", number(now.first.value));
    }
    void on(const raftkit::rejected& now) noexcept {
        line("rejected peer=%llu count=%llu why=%s: %s", number(now.peer.value), number(now.count),
             raftkit::name_of(now.why.code), now.why.where);
    }
    void on(const raftkit::damage_found& now) noexcept {
        if (first_damage != nullptr && first_damage->file.empty()) *first_damage = now.what;
        line("damage file=%s offset=%llu: %s", now.what.file.c_str(), number(now.what.offset),
             now.what.where);
    }
    void on(const raftkit::stopped& now) noexcept {
        line("stopped why=%s: %s", raftkit::name_of(now.why.code), now.why.where);
    }

private:
    static unsigned long long number(raftkit::u64 value) noexcept { return value; }
    // One call, so that lines of several processes don't mix.
    template <class... Values>
    void line(const char* format, Values... values) noexcept {
        char text[512];
        int length = std::snprintf(text, sizeof text, "kvd[%llu] ", number(id.value));
        length += std::snprintf(text + length, sizeof text - static_cast<std::size_t>(length),
                                format, values...);
        if (length > static_cast<int>(sizeof text) - 2) length = sizeof text - 2;
        text[length++] = '\n';
        std::fwrite(text, 1, static_cast<std::size_t>(length), stderr);
    }
};

}  // namespace kvd
