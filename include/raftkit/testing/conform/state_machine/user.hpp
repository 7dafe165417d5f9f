#pragma once
// The hands of the state machine conformance suite: they make entries, apply them as the node's
// applier would, pump images and fill restore writers as its jobs would.

#include <algorithm>
#include <utility>
#include <vector>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/chunk_pump.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

using byte_string = std::vector<std::byte>;
using image_bytes = std::vector<byte_string>;  // of sections

// How the entries of a log come: the machine must not be able to tell.
enum class range_cut : u8 { one_by_one, anywhere, whole };

namespace detail {

// One run of what `entry_of(index)` gives: entries first..last, all of one term.
template <class EntryOf>
run run_of(u64 first, u64 last, term_t term, EntryOf&& entry_of) {
    std::vector<std::pair<entry_kind, byte_string>> all;
    u32 bytes = 0;
    for (u64 index = first; index <= last; ++index) {
        all.push_back(entry_of(index));
        bytes += record_bytes(static_cast<u32>(all.back().second.size()));
    }
    block* owner = allocate_block(bytes);
    RAFTKIT_ASSERT(owner != nullptr);
    std::byte* at = owner->bytes();
    u64 index = first;
    for (const auto& [kind, body] : all) {
        const u32 size = static_cast<u32>(body.size());
        if (size != 0) std::memcpy(at + record_header_bytes, body.data(), size);
        seal_record(at, {{index++}, term}, static_cast<u8>(kind), 0, size);
        at += record_bytes(size);
    }
    return run({owner, 0, bytes, {first}, term, static_cast<u32>(all.size())}, run::adopt_t{});
}

inline byte_string some_membership() {
    configuration made;
    for (const u64 id : {u64{1}, u64{2}, u64{3}})
        made.members.push_back({{id}, member_role::voter, member_role::none, 0, "somewhere:1"});
    byte_string body;
    encode(made, body);
    return body;
}

}  // namespace detail

// An image while it is read, a chunk at a time.
template <class Image>
class image_reading {
public:
    image_reading(Image& from, u32 chunk_bytes) : from_(&from), pump_(chunk_bytes), all_(1) {}

    bool ended() const noexcept { return pump_.ended(); }
    // Requires: !ended().
    result<void> step() {
        if (pump_.at_section()) (void)pump_.describe(*from_);
        result<chunk> got = pump_.pull(*from_);
        if (!got) return got.why();
        const byte_span bytes = got->bytes.bytes();
        all_.back().insert(all_.back().end(), bytes.begin(), bytes.end());
        if (got->end_of_section && !got->end) all_.emplace_back();
        return {};
    }
    const image_bytes& bytes() const noexcept { return all_; }

private:
    Image* from_;
    chunk_pump<Image> pump_;
    image_bytes all_;
};
template <class Image>
result<image_bytes> read_image(Image& from, u32 chunk_bytes) {
    image_reading<Image> reading(from, chunk_bytes);
    while (!reading.ended()) {
        const result<void> stepped = reading.step();
        if (!stepped) return stepped.why();
    }
    return reading.bytes();
}

// As a restore job fills it: in order, short pieces, and the `end` chunk always comes.
template <class Writer>
result<void> fill_writer(Writer& to, const image_bytes& from, u64 piece) {
    if (from.empty()) return error{errc::not_found, 0, "conform: there is no image to restore"};
    for (u32 section = 0; section < from.size(); ++section) {
        const byte_span bytes = from[section];
        u64 offset = 0;
        do {
            const u64 size = std::min<u64>(piece, bytes.size() - offset);
            chunk next{section, offset,
                       buffer::copy_of(bytes.subspan(static_cast<std::size_t>(offset),
                                                     static_cast<std::size_t>(size))),
                       false, false};
            offset += size;
            next.end_of_section = offset == bytes.size();
            next.end = next.end_of_section && section + 1 == from.size();
            const result<void> written = to.write(next);
            if (!written) return written;
        } while (offset < bytes.size());
    }
    return {};
}

// A machine in use. Its log is the suite's one stream: commands of the caller's, with barriers and
// memberships between them, in terms of fifty entries.
template <class Machine, class Places>
class machine_user {
public:
    explicit machine_user(Places& places) : places_(&places), machine_(places.fresh()) {}
    machine_user(machine_user&&) = delete;

    void apply_upto(u64 last, range_cut how, u64 seed = 1) {
        prng random(seed);
        while (applied_ < last) {
            const u64 first = applied_ + 1;
            u64 end = std::min(last, (first / 50 + 1) * 50 - 1);
            if (how == range_cut::one_by_one) end = first;
            if (how == range_cut::anywhere) end = std::min(end, first + random.below(9));
            apply(detail::run_of(first, end, {1 + first / 50},
                                 [this](u64 index) { return entry_of(index); }));
        }
    }
    result<image_of<Machine>> capture() { return machine_.capture(); }
    result<restore_writer_of<Machine>> restore() {
        snapshot_meta of;
        of.id = {{{applied_ + 1}, {9}}, 1};
        return machine_.restore(of);
    }
    // What commit() makes of the log's place.
    void now_at(u64 applied) {
        applied_ = applied;
        replies_.resize(static_cast<std::size_t>(applied));
    }
    digest128 fingerprint() {
        if constexpr (requires { places_->fingerprint(machine_); }) {
            return {places_->fingerprint(machine_), 0};
        } else if constexpr (digesting_machine<Machine>) {
            return {machine_.digest(), 0};
        } else {
            digest128_builder digest;
            auto image = machine_.capture();
            if (!image) return {};
            if (const auto all = read_image(*image, 4096)) {
                for (const byte_string& each : *all) digest.update(each);
            }
            return digest.finish();
        }
    }

    Machine& machine() noexcept { return machine_; }
    u64 applied() const noexcept { return applied_; }
    // Of entries first.. on; what came before was not applied here.
    std::vector<byte_string> replies_from(u64 first) const {
        return {replies_.begin() + static_cast<std::ptrdiff_t>(first - 1), replies_.end()};
    }
    bool replies_ordered = true, replies_within = true, succeeds = true;

private:
    std::pair<entry_kind, byte_string> entry_of(u64 index) {
        if (index % 7 == 3) return {entry_kind::barrier, {}};
        if (index % 11 == 5) return {entry_kind::membership, detail::some_membership()};
        return {entry_kind::command, places_->command(index)};
    }
    void apply(const run& entries) {
        const run_view& view = entries.view();
        sink_.clear();
        apply_entries(view);
        applied_ = view.last().value;
        replies_ordered = replies_ordered && sink_.ordered();
        replies_within = replies_within && sink_.within(view.first, view.last());
        for (u64 index = view.first.value; index <= applied_; ++index) {
            const byte_span reply = sink_.reply_of({index});
            replies_.emplace_back(reply.begin(), reply.end());
        }
    }
    // A machine that hears of memberships is called between its commands.
    void apply_entries(const run_view& of) {
        if constexpr (!membership_machine<Machine>) {
            apply_commands(of);
        } else {
            index_t from = of.first;
            for (const entry_view entry : of) {
                if (entry.kind != entry_kind::membership) continue;
                if (from < entry.at.index)
                    apply_commands(of.slice(from, entry.at.index.previous()));
                if (const auto now = decode_configuration(entry.body))
                    machine_.on_membership(entry.at, *now);
                from = entry.at.index.next();
            }
            if (from <= of.last()) apply_commands(of.slice(from, of.last()));
        }
    }
    void apply_commands(const run_view& of) {
        const command_range range(of);
        if constexpr (batch_machine<Machine>) {
            judge([&] { return machine_.apply(range, sink_); });
        } else {
            for (const command each : range) judge([&] { return machine_.apply(each, sink_); });
        }
    }
    template <class Apply>
    void judge(Apply&& apply) {
        if constexpr (std::is_void_v<decltype(apply())>) {
            apply();
        } else {
            succeeds = bool(apply()) && succeeds;
        }
    }

    Places* places_;
    Machine machine_;
    u64 applied_ = 0;
    reply_sink sink_;
    std::vector<byte_string> replies_;
};

}  // namespace conform

RAFTKIT_NAMESPACE_END
