#pragma once
// The hands of the transport conformance suite: messages of every kind with all of their fields
// set, what they are as bytes, and a seat that opens a transport, listens, and keeps what it hears.

#include <array>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <raftkit/base/prng.hpp>
#include <raftkit/concepts/transport.hpp>
#include <raftkit/port/mailbox.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

// Everything that a message says, as bytes: two that are equal here are the same message.
class mail_words {
public:
    static std::string of(const message& body) {
        static_assert(std::variant_size_v<message> == 8);
        mail_words out(body.index());
        if (const auto* m = std::get_if<vote_request>(&body))
            out.put(m->term, m->last, m->round, m->pre, m->forced);
        if (const auto* m = std::get_if<vote_reply>(&body))
            out.put(m->term, m->round, m->pre, m->granted);
        if (const auto* m = std::get_if<append_request>(&body)) {
            out.put(m->term, m->previous, m->commit, m->last, m->read_round, m->entries.count);
            if (!m->entries.empty()) out.put(m->entries.first, m->entries.term, m->entries.span());
        }
        if (const auto* m = std::get_if<append_reply>(&body))
            out.put(m->term, m->match, m->rejected, m->conflict, m->read_round);
        if (const auto* m = std::get_if<timeout_now>(&body)) out.put(m->term);
        if (const auto* m = std::get_if<introduce>(&body)) out.put(m->term, m->answer);
        if (const auto* m = std::get_if<snapshot_offer>(&body))
            out.put(m->term, m->id, m->meta.bytes(), m->manifest.bytes(), m->first);
        if (const auto* m = std::get_if<snapshot_done>(&body))
            out.put(m->term, m->id, static_cast<u64>(m->status), m->match);
        return out.text_;
    }
    static std::string of(const bulk_message& body) {
        static_assert(std::variant_size_v<bulk_message> == 2);
        mail_words out(100 + body.index());
        if (const auto* m = std::get_if<snapshot_want>(&body))
            out.put(m->term, m->id, m->section, m->offset, m->bytes);
        if (const auto* m = std::get_if<snapshot_piece>(&body))
            out.put(m->term, m->id, m->section, m->offset, m->bytes.bytes(),
                    static_cast<u64>(m->status));
        return out.text_;
    }

private:
    explicit mail_words(u64 kind) { put(kind); }
    template <class... Parts>
    void put(const Parts&... parts) {
        (put_one(parts), ...);
    }
    void put_one(u64 number) {
        text_.append(reinterpret_cast<const char*>(&number), sizeof number);
    }
    template <class Tag>
    void put_one(ordinal<Tag> number) {
        put_one(number.value);
    }
    void put_one(log_id at) { put(at.index, at.term); }
    void put_one(snapshot_id id) { put(id.at, id.nonce); }
    void put_one(byte_span bytes) {
        put_one(u64{bytes.size()});
        text_.append(as_text(bytes));
    }

    std::string text_;
};

// A message that owns what it points to, so that it can be sent, and spoilt afterwards.
struct own_message {
    std::variant<message, bulk_message> body;
    std::vector<buffer> blocks;
    std::string meta, manifest;  // of an offer: memory without an owner, long enough not to move

    bool bulk() const noexcept { return body.index() == 1; }
    std::string words() const {
        return bulk() ? mail_words::of(*std::get_if<1>(&body))
                      : mail_words::of(*std::get_if<0>(&body));
    }
    // What the lender does next with memory that nobody took a reference to.
    void spoil() noexcept {
        for (buffer& each : blocks) {
            if (each.owner()->refs.load() == 1) std::memset(each.data(), 0xdd, each.size());
        }
        meta.assign(meta.size(), '!');
        manifest.assign(manifest.size(), '!');
    }
};

namespace detail {

inline void fill(mutable_byte_span into, u64 seed) noexcept {
    prng random(seed);
    for (std::byte& each : into) each = static_cast<std::byte>(random.next());
}

}  // namespace detail

// `count` entries of `bytes` each.
inline own_message mail_with_entries(u64 number, u32 count, u32 bytes) {
    own_message made;
    const u32 each = record_bytes(bytes);
    buffer block = buffer::allocate(each * count);
    for (u32 i = 0; i < count; ++i) {
        std::byte* at = block.data() + u64{each} * i;
        detail::fill({at + record_header_bytes, bytes}, number * 1000 + i);
        seal_record(at, {{number + i}, {7}}, static_cast<u8>(entry_kind::command), 0, bytes);
    }
    const run_view entries{block.owner(), block.headroom(), each * count, {number}, {7}, count};
    made.body = message(append_request{
        {9}, {{number - 1}, {6}}, {number / 2}, {number + count}, number + 3, entries});
    made.blocks.push_back(std::move(block));
    return made;
}
inline own_message mail_with_piece(u64 number, u32 bytes, errc status = errc::ok) {
    own_message made;
    buffer block = buffer::allocate(bytes == 0 ? 1 : bytes);
    detail::fill({block.data(), block.size()}, number);
    bytes_view view = bytes_view::of(block);
    view.size = bytes;
    made.body = bulk_message(
        snapshot_piece{{9}, {{{number}, {8}}, number + 1}, 3, number * 64, view, status});
    made.blocks.push_back(std::move(block));
    return made;
}
inline own_message mail_with_offer(u64 number) {
    own_message made;
    made.meta = "what a leader tells of its snapshot " + std::to_string(number);
    made.manifest = std::string(64 + number % 300, 'm') + std::to_string(number);
    made.body = message(snapshot_offer{{9},
                                       {{{number}, {8}}, number + 1},
                                       bytes_view::of(as_bytes(made.meta)),
                                       bytes_view::of(as_bytes(made.manifest)),
                                       {number / 2}});
    return made;
}
template <class Body>
own_message mail_of(const Body& body) {
    own_message made;
    if constexpr (std::is_constructible_v<bulk_message, Body>)
        made.body = bulk_message(body);
    else
        made.body = message(body);
    return made;
}

// One of each kind, and of what changes a kind's form; no field is what it is by default.
inline std::deque<own_message> every_kind_of_mail(u64 n) {
    std::deque<own_message> all;  // offers point into themselves
    const snapshot_id id{{{n}, {8}}, n + 1};
    all.push_back(mail_of(vote_request{{9}, {{n}, {8}}, n + 1, true, false}));
    all.push_back(mail_of(vote_request{{9}, {{n}, {8}}, n + 2, false, true}));
    all.push_back(mail_of(vote_reply{{9}, n + 3, true, false}));
    all.push_back(mail_of(vote_reply{{9}, n + 4, false, true}));
    all.push_back(mail_of(append_request{{9}, {{n}, {6}}, {n - 1}, {n + 5}, n + 6, {}}));
    all.push_back(mail_with_entries(n, 3, 40));
    all.push_back(mail_of(append_reply{{9}, {n}, {n + 1}, {{n - 1}, {5}}, n + 7}));
    all.push_back(mail_of(timeout_now{{n}}));
    all.push_back(mail_of(introduce{{n}, true}));
    all.push_back(mail_of(introduce{{n}, false}));
    all.push_back(mail_with_offer(n));
    all.push_back(mail_of(snapshot_done{{9}, id, install_status::stale, {n + 8}}));
    all.push_back(mail_of(snapshot_want{{9}, id, 3, n * 64, n + 9}));
    all.push_back(mail_with_piece(n, 1000));
    all.push_back(mail_with_piece(n + 1, 0, errc::not_found));
    return all;
}

struct heard_mail {
    node_id from;
    u64 incarnation = 0;
    bool bulk = false;
    std::string words;  // when it came
    envelope control;   // and as it is now, if it was kept
    bulk_envelope piece;
    buffer held;

    std::string words_now() const {
        return bulk ? mail_words::of(piece.body) : mail_words::of(control.body);
    }
};

// One node of the suite: a transport and all that it brings.
template <class Transport>
class mail_seat {
public:
    mail_seat(Transport& wire, identity who) : wire_(&wire), who_(who) {}
    mail_seat(mail_seat&&) = delete;
    ~mail_seat() {
        wire_->close();
        std::vector<event> unheard;
        box_.drain(unheard);
    }

    result<void> open() { return wire_->open(who_, {&box_}); }
    void send(const own_message& what, node_id to) {
        if (const auto* control = std::get_if<0>(&what.body))
            wire_->send(envelope{to, 0, *control});
        if (const auto* bulk = std::get_if<1>(&what.body)) wire_->send(bulk_envelope{to, 0, *bulk});
        if constexpr (requires { wire_->flush(); }) wire_->flush();
    }
    void listen() {
        std::vector<event> arrived;
        box_.drain(arrived);
        for (const event& each : arrived) {
            if (const auto* one = std::get_if<received>(&each)) (*this)(one->mail);
            if (const auto* one = std::get_if<received_bulk>(&each)) (*this)(one->mail);
            if (const auto* one = std::get_if<peer_state>(&each)) (*this)(*one);
        }
        if constexpr (pollable_transport<Transport>) wire_->drain(*this);
    }
    void members(const configuration& now) { wire_->members(now); }
    // What was posted before counts as heard before.
    void close() {
        wire_->close();
        std::vector<event> heard_before;
        box_.drain(heard_before);
    }

    // What drain calls.
    void operator()(const envelope& came) noexcept {
        heard_mail& one = note(came.peer, came.incarnation, false, mail_words::of(came.body));
        if (!keeps) return;
        one.control = came;
        if (const auto* append = std::get_if<append_request>(&came.body);
            append != nullptr && !append->entries.empty()) {
            keep_block(append->entries.owner);
            one.held = buffer(append->entries.owner, append->entries.data(), append->entries.bytes);
        }
    }
    void operator()(const bulk_envelope& came) noexcept {
        heard_mail& one = note(came.peer, came.incarnation, true, mail_words::of(came.body));
        const auto* piece = std::get_if<snapshot_piece>(&came.body);
        if (piece != nullptr) piece_bytes += piece->bytes.size;
        if (!keeps) return;
        one.piece = came;
        if (piece != nullptr && piece->bytes.owner != nullptr) one.held = piece->bytes.keep();
    }
    void operator()(peer_state state) noexcept { told_of.push_back(state.peer); }

    // How often these words came.
    std::size_t heard(const std::string& words) const {
        std::size_t count = 0;
        for (const heard_mail& each : mail) count += each.words == words;
        return count;
    }
    const identity& who() const noexcept { return who_; }
    void forget() {
        mail.clear();
        piece_bytes = 0;
    }

    std::deque<heard_mail> mail;
    std::vector<node_id> told_of;
    u64 piece_bytes = 0;
    bool keeps = false, deaf = false;

private:
    heard_mail& note(node_id from, u64 incarnation, bool bulk, std::string words) noexcept {
        mail.push_back({from, incarnation, bulk, std::move(words), {}, {}, {}});
        return mail.back();
    }

    Transport* wire_;
    identity who_;
    mailbox box_;
};

}  // namespace conform

RAFTKIT_NAMESPACE_END
