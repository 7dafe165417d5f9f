// Wire frames, one after the other as in a stream: hellos, refusals, every message, runs of
// records. An accepted frame says everything it consists of: encoded again it is the same bytes.
#include "fuzz.hpp"

#include <raftkit/base/checksum.hpp>
#include <raftkit/transport/wire.hpp>

using namespace raftkit;

namespace {

constexpr u32 body_bytes_max = 1u << 16;
constexpr node_id sender{7};
constexpr u64 incarnation = 0x1234'0001;

bool inside(const bytes_view& view, const std::byte* begin, const std::byte* end) {
    return view.size == 0 || (view.data >= begin && view.data + view.size <= end);
}

// What an accepted message borrows lies in its own frame.
void check_borrowed(const frame& decoded, const std::byte* begin, const std::byte* end) {
    if (const auto* mail = std::get_if<envelope>(&decoded)) {
        FUZZ_PROPERTY(mail->peer == sender && mail->incarnation == incarnation);
        if (const auto* m = std::get_if<append_request>(&mail->body)) {
            const byte_span run = m->entries.span();
            FUZZ_PROPERTY(run.empty() || (run.data() >= begin && run.data() + run.size() <= end));
            FUZZ_PROPERTY(u64{m->entries.count} * record_header_bytes <= run.size());
        } else if (const auto* offer = std::get_if<snapshot_offer>(&mail->body)) {
            FUZZ_PROPERTY(inside(offer->meta, begin, end) && inside(offer->manifest, begin, end));
        }
    } else if (const auto* bulk = std::get_if<bulk_envelope>(&decoded)) {
        FUZZ_PROPERTY(bulk->peer == sender && bulk->incarnation == incarnation);
        const auto* piece = std::get_if<snapshot_piece>(&bulk->body);
        FUZZ_PROPERTY(piece == nullptr || inside(piece->bytes, begin, end));
    }
}

void encode_again(const frame& decoded, encoded_frame& into) {
    if (const auto* greeting = std::get_if<hello>(&decoded)) return encode(*greeting, into);
    if (const auto* last = std::get_if<refusal>(&decoded)) return encode(*last, into);
    if (const auto* mail = std::get_if<envelope>(&decoded)) {
        FUZZ_PROPERTY(encode(*mail, into));
        return;
    }
    FUZZ_PROPERTY(encode(*std::get_if<bulk_envelope>(&decoded), into));
}

// A run that was judged sound can be walked, and says of every record what was promised.
void check_records(const frame& decoded) {
    const auto* mail = std::get_if<envelope>(&decoded);
    const auto* request = mail == nullptr ? nullptr : std::get_if<append_request>(&mail->body);
    if (request == nullptr || !records_are_sound(decoded)) return;
    const run_view& run = request->entries;
    u64 index = run.first.value;
    u32 count = 0;
    for (const entry_view& entry : run) {
        FUZZ_PROPERTY(entry.at.index.value == index++ && entry.at.term == run.term);
        FUZZ_PROPERTY(entry.body.data() + entry.body.size() <= run.data() + run.bytes);
        ++count;
    }
    FUZZ_PROPERTY(count == run.count);
    if (count < 2) return;
    const run_view back = run.slice({run.first.value + 1}, run.last());
    FUZZ_PROPERTY(check_run(back.span(), back.first, back.term, back.count).sound);
}

void run_wire(byte_span input) {
    if (input.size() > body_bytes_max) return;
    const buffer held = buffer::copy_of(input);
    if (!held.valid()) return;
    block& from = *held.owner();
    u32 at = 0;
    while (held.size() - at >= frame_header_bytes) {
        const auto head = peek_frame(from.bytes() + at, body_bytes_max);
        if (!head) return;
        FUZZ_PROPERTY(head->body_bytes <= body_bytes_max);
        if (head->frame_bytes() > held.size() - at) return;
        const auto decoded = decode_frame(*head, from, at, sender, incarnation);
        if (!decoded) return;
        const std::byte* const begin = from.bytes() + at;
        const std::byte* const end = begin + head->frame_bytes();
        check_borrowed(*decoded, begin, end);
        check_records(*decoded);
        encoded_frame again;
        encode_again(*decoded, again);
        FUZZ_PROPERTY(again.size() == head->frame_bytes());
        FUZZ_PROPERTY(fuzz::same(again.head_span(), {begin, again.head_bytes}));
        FUZZ_PROPERTY(fuzz::same(again.tail.bytes(), {begin + again.head_bytes, again.tail.size}));
        at += head->frame_bytes();
    }
}

// Records whose lengths are wrong stay as they are: there is nothing that could be summed.
void reseal_records(mutable_byte_span run) {
    while (run.size() >= record_header_bytes) {
        const u32 payload = load_le<u32>(run.data() + 4);
        if (payload > run.size() || record_bytes(payload) > run.size()) return;
        store_le(run.data() + 28, record_header_crc(run.data()));
        store_le(run.data(), record_payload_crc(run.data(), payload));
        run = run.subspan(record_bytes(payload));
    }
}

void reseal_wire(mutable_byte_span input) {
    while (input.size() >= frame_header_bytes) {
        std::byte* at = input.data();
        store_le(at + 8, wire_version);
        const u32 body = load_le<u32>(at + 4);
        const u16 fixed = load_le<u16>(at + 10);
        const auto kind = static_cast<frame_kind>(load_le<u8>(at + 9));
        // A length that points behind the input is cut to it: half of a frame says nothing.
        const auto held = static_cast<u32>(input.size()) - frame_header_bytes;
        if (body > held) store_le(at + 4, held);
        const u32 now = load_le<u32>(at + 4);
        if (fixed > now) return;
        const mutable_byte_span tail = input.subspan(frame_header_bytes + fixed, now - fixed);
        if (kind == frame_kind::append_request) reseal_records(tail);
        const bool summed =
            kind == frame_kind::snapshot_offer || kind == frame_kind::snapshot_piece;
        store_le(at + 12, summed ? mask_crc(crc32c(tail)) : u32{0});
        store_le(at, mask_crc(crc32c({at + 4, std::size_t{frame_header_bytes} + fixed - 4})));
        input = input.subspan(frame_header_bytes + now);
    }
}

void put(fuzz::bytes& into, const encoded_frame& made) {
    fuzz::append(into, made.head_span());
    fuzz::append(into, made.tail.bytes());
}
template <class Mail>
fuzz::bytes frame_of(const Mail& mail) {
    encoded_frame made;
    FUZZ_PROPERTY(encode(mail, made));
    fuzz::bytes input;
    put(input, made);
    return input;
}
fuzz::bytes message_frame(const message& body) { return frame_of(envelope{sender, 0, body}); }

fuzz::bytes append_frame() {
    block_pool pool;
    run_builder builder(pool);
    configuration members;
    members.index = {11};
    members.members = {{{1}, member_role::voter, member_role::voter, 5, "127.0.0.1:7101"},
                       {{2}, member_role::learner, member_role::none, 6, "127.0.0.1:7102"}};
    std::vector<std::byte> configured;
    encode(members, configured);
    run_view run = builder.append({{10}, {4}}, entry_kind::command, as_bytes("one"), 12345);
    for (const run_view& next : {builder.append({{11}, {4}}, entry_kind::membership, configured, 0),
                                 builder.append({{12}, {4}}, entry_kind::barrier, {}, 0)}) {
        run.bytes += next.bytes;
        run.count += next.count;
    }
    return message_frame(append_request{{5}, {{9}, {4}}, {8}, {20}, 3, run});
}

std::vector<fuzz::seed> wire_seeds() {
    encoded_frame greeting, last;
    encode(hello{1, 2, {3}, {4}, 5, wire_lane::bulk}, greeting);
    encode(refusal{refusal_reason::other_group}, last);
    fuzz::bytes hello_frame, refusal_frame;
    put(hello_frame, greeting);
    put(refusal_frame, last);
    constexpr snapshot_id snapshot{{{90}, {5}}, 77};
    const auto view = [](const char* text) { return bytes_view::of(as_bytes(text)); };
    std::vector<fuzz::seed> made{
        {"hello", hello_frame},
        {"refusal", refusal_frame},
        {"vote_request", message_frame(vote_request{{5}, {{6}, {4}}, 9, true, false})},
        {"vote_reply", message_frame(vote_reply{{5}, 9, false, true})},
        {"append_request", append_frame()},
        {"heartbeat", message_frame(append_request{{5}, {{9}, {4}}, {8}, {20}, 3, {}})},
        {"append_reply", message_frame(append_reply{{5}, {1}, {2}, {{3}, {4}}, 6})},
        {"timeout_now", message_frame(timeout_now{{8}})},
        {"introduce", message_frame(introduce{{9}, true})},
        {"snapshot_offer",
         message_frame(snapshot_offer{{5}, snapshot, view("meta"), view("manifest"), {3}})},
        {"snapshot_done", message_frame(snapshot_done{{5}, snapshot, install_status::stale, {90}})},
        {"snapshot_want",
         frame_of(bulk_envelope{sender, 0, snapshot_want{{5}, snapshot, 1, 2, 3}})},
        {"snapshot_piece",
         frame_of(bulk_envelope{sender, 0,
                                snapshot_piece{{5}, snapshot, 1, 2, view("piece"), errc::busy}})}};
    fuzz::bytes stream;
    for (const fuzz::seed& each : made) fuzz::append(stream, each.input);
    made.push_back({"stream", stream});
    return made;
}

}  // namespace

extern const fuzz::target wire_target;
const fuzz::target wire_target{"wire", run_wire, reseal_wire, wire_seeds};
