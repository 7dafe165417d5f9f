#pragma once
// The encoders of wire.hpp, one a kind. Their order of fields is the format: wire_decode.hpp reads
// the same order.

#include <raftkit/base/checksum.hpp>
#include <raftkit/transport/wire.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace detail {

class frame_writer {
public:
    explicit frame_writer(encoded_frame& into) noexcept : into_(into), fields_(into.head) {
        into.tail = {};
        into.copied.reset();
        fields_.put_zeros(frame_header_bytes);
    }
    byte_writer& fields() noexcept { return fields_; }
    void put(log_id at) noexcept {
        fields_.put(at.index);
        fields_.put(at.term);
    }
    void put(snapshot_id id) noexcept {
        put(id.at);
        fields_.put_u64(id.nonce);
    }
    void seal(frame_kind kind, bytes_view tail = {}, bool summed = false) noexcept {
        const auto padded = static_cast<u32>(round_up(fields_.position(), 8));
        fields_.put_zeros(padded - fields_.position());
        std::byte* head = into_.head.data();
        store_le(head + 4, u32{padded - frame_header_bytes + tail.size});
        store_le(head + 8, wire_version);
        store_le(head + 9, static_cast<u8>(kind));
        store_le(head + 10, static_cast<u16>(padded - frame_header_bytes));
        store_le(head + 12, summed ? mask_crc(crc32c(tail.bytes())) : u32{0});
        store_le(head, mask_crc(crc32c({head + 4, padded - 4})));
        into_.head_bytes = padded;
        into_.tail = tail;
    }

private:
    encoded_frame& into_;
    byte_writer fields_;
};

inline void encode_body(const vote_request& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.put(m.last);
    to.fields().put_u64(m.round);
    to.fields().put_u8(static_cast<u8>((m.pre ? 1 : 0) | (m.forced ? 2 : 0)));
    to.seal(frame_kind::vote_request);
}
inline void encode_body(const vote_reply& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.fields().put_u64(m.round);
    to.fields().put_u8(static_cast<u8>((m.pre ? 1 : 0) | (m.granted ? 2 : 0)));
    to.seal(frame_kind::vote_reply);
}
inline void encode_body(const append_request& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.put(m.previous);
    to.fields().put(m.commit);
    to.fields().put(m.last);
    to.fields().put_u64(m.read_round);
    to.fields().put(m.entries.first);
    to.fields().put(m.entries.term);
    to.fields().put_u32(m.entries.count);
    const bytes_view records = m.entries.empty()
                                   ? bytes_view{}
                                   : bytes_view{m.entries.owner, m.entries.data(), m.entries.bytes};
    to.seal(frame_kind::append_request, records);
}
inline void encode_body(const append_reply& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.fields().put(m.match);
    to.fields().put(m.rejected);
    to.put(m.conflict);
    to.fields().put_u64(m.read_round);
    to.seal(frame_kind::append_reply);
}
inline void encode_body(const timeout_now& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.seal(frame_kind::timeout_now);
}
inline void encode_body(const introduce& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.fields().put_u8(m.answer ? 1 : 0);
    to.seal(frame_kind::introduce);
}
inline void encode_body(const snapshot_done& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.put(m.id);
    to.fields().put(m.match);
    to.fields().put_u8(static_cast<u8>(m.status));
    to.seal(frame_kind::snapshot_done);
}
inline void encode_body(const snapshot_want& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.put(m.id);
    to.fields().put_u64(m.offset);
    to.fields().put_u64(m.bytes);
    to.fields().put_u32(m.section);
    to.seal(frame_kind::snapshot_want);
}
inline void encode_body(const snapshot_piece& m, frame_writer& to) noexcept {
    to.fields().put(m.term);
    to.put(m.id);
    to.fields().put_u64(m.offset);
    to.fields().put_u32(m.section);
    to.fields().put_u16(static_cast<u16>(m.status));
    to.seal(frame_kind::snapshot_piece, m.bytes, true);
}

inline result<void> encode_offer(const snapshot_offer& m, frame_writer& to,
                                 encoded_frame& into) noexcept {
    buffer both = buffer::allocate(m.meta.size + m.manifest.size);
    if (!both.valid()) return error{errc::busy, 0, "transport/wire.offer: out of memory"};
    byte_writer tail({both.data(), both.size()});
    tail.put_bytes(m.meta.bytes());
    tail.put_bytes(m.manifest.bytes());
    to.fields().put(m.term);
    to.put(m.id);
    to.fields().put(m.first);
    to.fields().put_u32(m.meta.size);
    to.seal(frame_kind::snapshot_offer, bytes_view::of(both), true);
    into.copied = std::move(both);
    return {};
}

}  // namespace detail

inline result<void> encode(const envelope& mail, encoded_frame& into) noexcept {
    detail::frame_writer to(into);
    // In the order of their frequency.
    if (const auto* m = std::get_if<append_request>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<append_reply>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<vote_request>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<vote_reply>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<timeout_now>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<introduce>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    if (const auto* m = std::get_if<snapshot_done>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    return detail::encode_offer(*std::get_if<snapshot_offer>(&mail.body), to, into);
}

inline result<void> encode(const bulk_envelope& mail, encoded_frame& into) noexcept {
    detail::frame_writer to(into);
    if (const auto* m = std::get_if<snapshot_want>(&mail.body))
        return detail::encode_body(*m, to), result<void>();
    return detail::encode_body(*std::get_if<snapshot_piece>(&mail.body), to), result<void>();
}

inline void encode(const hello& greeting, encoded_frame& into) noexcept {
    detail::frame_writer to(into);
    to.fields().put_u64(wire_magic);
    to.fields().put_u64(greeting.cluster);
    to.fields().put_u64(greeting.group);
    to.fields().put(greeting.from);
    to.fields().put(greeting.to);
    to.fields().put_u64(greeting.incarnation);
    to.fields().put_u8(static_cast<u8>(greeting.lane));
    to.seal(frame_kind::hello);
}

inline void encode(const refusal& last, encoded_frame& into) noexcept {
    detail::frame_writer to(into);
    to.fields().put_u8(static_cast<u8>(last.reason));
    to.seal(frame_kind::refusal);
}

RAFTKIT_NAMESPACE_END
