// Small parts for the tests of snapshot jobs: an image and a restore writer of plain text, stores
// that fail or give little at a time, and a bench that runs a job step by step as an executor
// would.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/store/memory.hpp>
#include <raftkit/snapshot/work_job.hpp>

namespace snapshot_jobs {

using namespace raftkit;

inline snapshot_id id_of(u64 index, u64 term = 1, u64 nonce = 1) {
    return {{{index}, {term}}, nonce};
}

inline configuration three_voters() {
    configuration made;
    for (u64 id = 1; id <= 3; ++id)
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, {}});
    return made;
}

// Sections of text; `fills_at_most` bytes a call, `alive` tells when it dies.
struct text_image {
    std::vector<std::string> sections;
    u32 fills_at_most = ~u32{0};
    std::shared_ptr<int> alive = std::make_shared<int>();
    bool end_comes_late = false;  // as an iterator that learns of its end by asking once more
    u32 turn = 0;
    std::size_t at = 0;
    u64 fail_at = ~u64{0}, given = 0;

    result<image_step> next(std::span<std::byte> room) {
        if (given >= fail_at) return error{errc::io, 5, "text_image"};
        const std::string& text = sections[turn];
        std::size_t bytes = std::min<std::size_t>({room.size(), text.size() - at, fills_at_most});
        std::memcpy(room.data(), text.data() + at, bytes);
        at += bytes;
        given += bytes;
        const bool ends = at == text.size() && (!end_comes_late || bytes == 0);
        if (!ends) return image_step{static_cast<u32>(bytes), false, false};
        at = 0;
        return image_step{static_cast<u32>(bytes), true, ++turn == sections.size()};
    }
};

struct restored_text {
    std::vector<std::string> live{"old"};
    std::vector<std::string> staged;
    u32 ends = 0, chunks = 0;
    std::size_t largest = 0;
};

struct text_writer {
    restored_text* into = nullptr;
    std::shared_ptr<int> alive = std::make_shared<int>();

    result<void> write(const chunk& piece) {
        if (piece.section >= into->staged.size()) into->staged.resize(piece.section + 1);
        std::string& text = into->staged[piece.section];
        if (piece.offset != text.size()) return error{errc::corrupt, 0, "text_writer: order"};
        text += as_text(piece.bytes.bytes());
        into->largest = std::max<std::size_t>(into->largest, piece.bytes.size());
        ++into->chunks;
        into->ends += piece.end ? 1 : 0;
        return {};
    }
    void commit() noexcept { into->live.swap(into->staged); }
};

// A memory store that does what it is told to: fails at a call, or reads little at a time.
struct plan {
    std::string fail_at;  // "create", "begin", "write", "publish", "open", "read", "list", "remove"
    errc why = errc::io;
    u32 passes = 0;  // calls of that kind that succeed first
    u32 read_at_most = ~u32{0};
    u32 writers = 0, readers = 0, reads = 0;  // alive; calls
    u32 writes = 0, quarantined = 0;
    u64 free = ~u64{0};

    error call(const char* what) {
        if (fail_at != what) return {};
        if (passes > 0) {
            --passes;
            return {};
        }
        return {why, 0, "plan"};
    }
};

struct counted {
    std::shared_ptr<plan> of;
    u32 plan::*count = nullptr;
    counted(std::shared_ptr<plan> to, u32 plan::*which) : of(std::move(to)), count(which) {
        ++((*of).*count);
    }
    counted(counted&& other) noexcept : of(std::move(other.of)), count(other.count) {}
    counted& operator=(counted&& other) noexcept {
        std::swap(of, other.of);
        return *this;
    }
    ~counted() {
        if (of) --((*of).*count);
    }
};

class planned_store {
public:
    std::shared_ptr<plan> todo = std::make_shared<plan>();
    memory_snapshots inner;

    struct writer {
        memory_snapshots::writer inner;
        counted held;
        result<void> begin_section(const section_meta& of) {
            if (error why = held.of->call("begin")) return why;
            return inner.begin_section(of);
        }
        result<void> write(const chunk& piece) {
            ++held.of->writes;
            if (error why = held.of->call("write")) return why;
            return inner.write(piece);
        }
        result<snapshot_manifest> publish() {
            if (error why = held.of->call("publish")) return why;
            return inner.publish();
        }
        void took(duration time) noexcept { inner.took(time); }
    };
    struct reader {
        memory_snapshots::reader inner;
        counted held;
        const snapshot_manifest& manifest() const noexcept { return inner.manifest(); }
        result<chunk> read(u32 section, u64 offset, u32 bytes_max) {
            ++held.of->reads;
            if (error why = held.of->call("read")) return why;
            result<chunk> got = inner.read(section, offset, bytes_max);
            if (got) got->bytes.shrink(std::min(got->bytes.size(), held.of->read_at_most));
            return got;
        }
    };
    result<store_report> recover(const identity& who) { return inner.recover(who); }
    result<writer> create(const snapshot_manifest& asked) {
        if (error why = todo->call("create")) return why;
        result<memory_snapshots::writer> made = inner.create(asked);
        if (!made) return made.why();
        return writer{std::move(*made), counted(todo, &plan::writers)};
    }
    result<reader> open(snapshot_id id) {
        if (error why = todo->call("open")) return why;
        result<memory_snapshots::reader> made = inner.open(id);
        if (!made) return made.why();
        return reader{std::move(*made), counted(todo, &plan::readers)};
    }
    result<std::vector<snapshot_manifest>> list() {
        if (error why = todo->call("list")) return why;
        return inner.list();
    }
    result<void> remove(snapshot_id id) {
        if (error why = todo->call("remove")) return why;
        return inner.remove(id);
    }
    result<void> settle(snapshot_id id) { return inner.settle(id); }
    result<void> quarantine(snapshot_id id) {
        ++todo->quarantined;
        return inner.quarantine(id);
    }
    result<u64> free_bytes() { return todo->free; }
};
static_assert(snapshot_store<planned_store>);

// Runs jobs as an executor does, and reads what they post.
struct bench {
    mailbox box;
    completion_port port{&box};

    // One step; returns the status that was posted.
    error step(work_job& job) {
        job.running = true;
        job.finish(job, {}, {});
        job.running = false;
        std::vector<event> posted;
        REQUIRE(box.drain(posted));
        REQUIRE(posted.size() == 1);
        const auto* ended = std::get_if<snapshot_step>(&posted[0]);
        REQUIRE(ended != nullptr);
        REQUIRE(ended->job == &job);
        return ended->status;
    }
    // Until it is done; at most `most` steps. Returns how many it took.
    u32 run(work_job& job, u32 most = 100000) {
        u32 steps = 0;
        for (; !job.done && steps < most; ++steps) (void)step(job);
        REQUIRE(job.done);
        return steps;
    }
};

// Stores sections of text under `id`.
template <class Store>
snapshot_manifest store_text(Store& store, snapshot_id id, std::vector<std::string> sections,
                             u32 chunk_bytes) {
    snapshot_manifest wanted;
    wanted.meta.id = id;
    wanted.meta.members = three_voters();
    wanted.chunk_bytes = chunk_bytes;
    auto writer = store.create(wanted);
    REQUIRE(bool(writer));
    for (u32 section = 0; section < sections.size(); ++section) {
        section_meta named;
        named.name = "s" + std::to_string(section);
        REQUIRE(bool(writer->begin_section(named)));
        chunk whole{section, 0, buffer::copy_of(as_bytes(sections[section])), true,
                    section + 1 == sections.size()};
        REQUIRE(bool(writer->write(whole)));
    }
    auto made = writer->publish();
    REQUIRE(bool(made));
    return *made;
}

template <class Store>
std::vector<std::string> stored_text(Store& store, snapshot_id id) {
    std::vector<std::string> sections;
    auto reader = store.open(id);
    REQUIRE(bool(reader));
    for (u32 section = 0; section < reader->manifest().sections.size(); ++section) {
        std::string text;
        while (text.size() < reader->manifest().sections[section].bytes) {
            auto read = reader->read(section, text.size(), 1u << 20);
            REQUIRE(bool(read));
            text += as_text(read->bytes.bytes());
        }
        sections.push_back(std::move(text));
    }
    return sections;
}

inline std::string text_of(std::size_t bytes, char first = 'a') {
    std::string made(bytes, ' ');
    for (std::size_t at = 0; at < bytes; ++at)
        made[at] = static_cast<char>(first + static_cast<int>(at % 23));
    return made;
}

// Orders of one kind, in their order.
template <class Order, class Actions>
std::vector<Order> all(const Actions& from) {
    std::vector<Order> found;
    for (const auto& each : from.orders) {
        if (const Order* one = std::get_if<Order>(&each)) found.push_back(*one);
    }
    return found;
}
template <class Order, class Actions>
std::size_t count(const Actions& from) {
    return all<Order>(from).size();
}

}  // namespace snapshot_jobs
