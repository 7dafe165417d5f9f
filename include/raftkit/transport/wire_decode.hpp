#pragma once
// The decoders of wire.hpp, one a kind. Each is total: it says whether all fields were there, known
// and in range, and whether nothing but zero padding was left over.

#include <raftkit/base/checksum.hpp>
#include <raftkit/transport/wire.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace detail {

[[gnu::cold, gnu::noinline]] inline error bad_frame(const char* where, u64 detail = 0) noexcept {
    return {errc::corrupt, 0, where, detail};
}

class frame_reader {
public:
    frame_reader(byte_span fixed, bytes_view tail) noexcept : fields_(fixed), tail_(tail) {}

    byte_reader& fields() noexcept { return fields_; }
    bytes_view tail() const noexcept { return tail_; }
    template <class Tag>
    void take(ordinal<Tag>& into) noexcept {
        fields_.take(into);
    }
    void take(log_id& into) noexcept {
        fields_.take(into.index);
        fields_.take(into.term);
    }
    void take(snapshot_id& into) noexcept {
        take(into.at);
        into.nonce = fields_.take_u64();
    }
    // A number that must be at most `last`; else the frame is bad.
    u64 take_at_most(u64 value, u64 last) noexcept {
        if (value > last) sound_ = false;
        return value;
    }
    u8 take_flags(u8 known) noexcept {
        const u8 flags = fields_.take_u8();
        if ((flags & ~known) != 0) sound_ = false;
        return flags;
    }
    // All fields were there, what follows them is padding.
    bool complete() noexcept {
        if (!fields_.ok() || !sound_ || fields_.left() >= 8) return false;
        for (const std::byte each : fields_.take_bytes(fields_.left())) {
            if (each != std::byte{0}) return false;
        }
        return true;
    }

private:
    byte_reader fields_;
    bytes_view tail_;
    bool sound_ = true;
};

inline bool decode_body(frame_reader& from, vote_request& m) noexcept {
    from.take(m.term);
    from.take(m.last);
    m.round = from.fields().take_u64();
    const u8 flags = from.take_flags(3);
    m.pre = (flags & 1) != 0;
    m.forced = (flags & 2) != 0;
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, vote_reply& m) noexcept {
    from.take(m.term);
    m.round = from.fields().take_u64();
    const u8 flags = from.take_flags(3);
    m.pre = (flags & 1) != 0;
    m.granted = (flags & 2) != 0;
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, append_request& m) noexcept {
    from.take(m.term);
    from.take(m.previous);
    from.take(m.commit);
    from.take(m.last);
    m.read_round = from.fields().take_u64();
    from.take(m.entries.first);
    from.take(m.entries.term);
    m.entries.count = from.fields().take_u32();
    if (!from.complete()) return false;
    const bytes_view records = from.tail();
    if (m.entries.count > records.size / record_header_bytes) return false;  // bounds the walk
    if (m.entries.count == 0) return records.size == 0;
    m.entries.owner = records.owner;
    m.entries.offset = static_cast<u32>(records.data - records.owner->bytes());
    m.entries.bytes = records.size;
    return true;
}
inline bool decode_body(frame_reader& from, append_reply& m) noexcept {
    from.take(m.term);
    from.take(m.match);
    from.take(m.rejected);
    from.take(m.conflict);
    m.read_round = from.fields().take_u64();
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, timeout_now& m) noexcept {
    from.take(m.term);
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, introduce& m) noexcept {
    from.take(m.term);
    m.answer = from.take_flags(1) != 0;
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, snapshot_offer& m) noexcept {
    from.take(m.term);
    from.take(m.id);
    from.take(m.first);
    const u32 meta_bytes = from.fields().take_u32();
    const bytes_view tail = from.tail();
    if (!from.complete() || meta_bytes > tail.size) return false;
    m.meta = {tail.owner, tail.data, meta_bytes};
    m.manifest = {tail.owner, tail.data + meta_bytes, tail.size - meta_bytes};
    return true;
}
inline bool decode_body(frame_reader& from, snapshot_done& m) noexcept {
    from.take(m.term);
    from.take(m.id);
    from.take(m.match);
    const u64 status =
        from.take_at_most(from.fields().take_u8(), static_cast<u64>(install_status::cancelled));
    m.status = static_cast<install_status>(status);
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, snapshot_want& m) noexcept {
    from.take(m.term);
    from.take(m.id);
    m.offset = from.fields().take_u64();
    m.bytes = from.fields().take_u64();
    m.section = from.fields().take_u32();
    return from.complete() && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, snapshot_piece& m) noexcept {
    from.take(m.term);
    from.take(m.id);
    m.offset = from.fields().take_u64();
    m.section = from.fields().take_u32();
    const u64 status =
        from.take_at_most(from.fields().take_u16(), static_cast<u64>(errc::unauthentic));
    m.status = static_cast<errc>(status);
    m.bytes = from.tail();
    return from.complete();
}
inline bool decode_body(frame_reader& from, hello& m) noexcept {
    const bool ours = from.fields().take_u64() == wire_magic;
    m.cluster = from.fields().take_u64();
    m.group = from.fields().take_u64();
    from.take(m.from);
    from.take(m.to);
    m.incarnation = from.fields().take_u64();
    m.lane = static_cast<wire_lane>(
        from.take_at_most(from.fields().take_u8(), static_cast<u64>(wire_lane::bulk)));
    return from.complete() && ours && from.tail().size == 0;
}
inline bool decode_body(frame_reader& from, refusal& m) noexcept {
    const u64 reason =
        from.take_at_most(from.fields().take_u8(), static_cast<u64>(refusal_reason::own_id));
    m.reason = static_cast<refusal_reason>(reason);
    return from.complete() && from.tail().size == 0;
}

template <class Body>
result<frame> decode_as(frame_reader& from) noexcept {
    Body body;
    if (!decode_body(from, body)) return bad_frame("transport/wire.control");
    return frame(body);
}
template <class Mail, class Body>
result<frame> decode_mail(frame_reader& from, node_id peer, u64 incarnation) noexcept {
    Body body;
    if (!decode_body(from, body)) return bad_frame("transport/wire.message");
    return frame(Mail{peer, incarnation, body});
}

}  // namespace detail

inline result<frame_head> peek_frame(const std::byte* at, u32 body_bytes_max) noexcept {
    const frame_head head{load_le<u32>(at), load_le<u32>(at + 4),
                          static_cast<frame_kind>(load_le<u8>(at + 9)), load_le<u16>(at + 10),
                          load_le<u32>(at + 12)};
    if (load_le<u8>(at + 8) != wire_version)
        return error{errc::incompatible, 0, "transport/wire.version"};
    if (head.kind < frame_kind::hello || head.kind > frame_kind::snapshot_piece) {
        return detail::bad_frame("transport/wire.kind", static_cast<u64>(head.kind));
    }
    if (head.body_bytes > body_bytes_max)
        return error{errc::too_large, 0, "transport/wire.length", head.body_bytes};
    if (head.fixed_bytes > frame_fixed_max || head.fixed_bytes > head.body_bytes ||
        head.fixed_bytes % 8 != 0) {
        return detail::bad_frame("transport/wire.fixed_length", head.fixed_bytes);
    }
    return head;
}

inline result<frame> decode_frame(const frame_head& head, block& from, u32 offset, node_id peer,
                                  u64 incarnation) noexcept {
    const std::byte* at = from.bytes() + offset;
    const u32 head_bytes = frame_header_bytes + head.fixed_bytes;
    if (head.head_crc != mask_crc(crc32c({at + 4, head_bytes - 4}))) {
        return detail::bad_frame("transport/wire.head_checksum");
    }
    const bytes_view tail{&from, at + head_bytes, head.body_bytes - head.fixed_bytes};
    const bool summed =
        head.kind == frame_kind::snapshot_offer || head.kind == frame_kind::snapshot_piece;
    if (head.tail_crc != (summed ? mask_crc(crc32c(tail.bytes())) : 0)) {
        return detail::bad_frame("transport/wire.tail_checksum");
    }
    detail::frame_reader fields({at + frame_header_bytes, head.fixed_bytes}, tail);
    using namespace detail;
    switch (head.kind) {
        case frame_kind::hello: return decode_as<hello>(fields);
        case frame_kind::refusal: return decode_as<refusal>(fields);
        case frame_kind::vote_request:
            return decode_mail<envelope, vote_request>(fields, peer, incarnation);
        case frame_kind::vote_reply:
            return decode_mail<envelope, vote_reply>(fields, peer, incarnation);
        case frame_kind::append_request:
            return decode_mail<envelope, append_request>(fields, peer, incarnation);
        case frame_kind::append_reply:
            return decode_mail<envelope, append_reply>(fields, peer, incarnation);
        case frame_kind::timeout_now:
            return decode_mail<envelope, timeout_now>(fields, peer, incarnation);
        case frame_kind::introduce:
            return decode_mail<envelope, introduce>(fields, peer, incarnation);
        case frame_kind::snapshot_offer:
            return decode_mail<envelope, snapshot_offer>(fields, peer, incarnation);
        case frame_kind::snapshot_done:
            return decode_mail<envelope, snapshot_done>(fields, peer, incarnation);
        case frame_kind::snapshot_want:
            return decode_mail<bulk_envelope, snapshot_want>(fields, peer, incarnation);
        case frame_kind::snapshot_piece:
            return decode_mail<bulk_envelope, snapshot_piece>(fields, peer, incarnation);
    }
    return bad_frame("transport/wire.kind");
}

RAFTKIT_NAMESPACE_END
