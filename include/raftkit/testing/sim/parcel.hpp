#pragma once
// A message in flight: an envelope with everything that it points to, copied into blocks of exactly
// the right size. A sender's memory may be reused as soon as send() returns and a receiver may keep
// references, as on a real connection; the block is scribbled over before it is freed, so that a
// view kept without a reference is noticed.

#include <cstring>
#include <utility>
#include <variant>
#include <vector>

#include <raftkit/core/message.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class parcel {
public:
    explicit parcel(const envelope& sent) : mail_(sent) { adopt(std::get<envelope>(mail_).body); }
    explicit parcel(const bulk_envelope& sent) : mail_(sent) {
        if (auto* piece = std::get_if<snapshot_piece>(&std::get<bulk_envelope>(mail_).body)) {
            piece->bytes = copied(piece->bytes.bytes());
        }
    }
    parcel(parcel&& other) noexcept
        : mail_(other.mail_), blocks_(std::exchange(other.blocks_, {})) {}
    parcel& operator=(parcel&&) = delete;
    ~parcel() {
        for (block* each : blocks_) {
            if (each->refs.load() == 1) std::memset(each->bytes(), 0xdd, each->capacity);
            release_block(each);
        }
    }

    // A second delivery of the same bytes.
    parcel again() const {
        const envelope* mail = letter();
        return mail != nullptr ? parcel(*mail) : parcel(*bulk());
    }
    const envelope* letter() const noexcept { return std::get_if<envelope>(&mail_); }
    const bulk_envelope* bulk() const noexcept { return std::get_if<bulk_envelope>(&mail_); }
    // The address on the parcel: the receiver while it travels, the sender when it is handed over.
    void address(node_id peer, u64 incarnation) noexcept {
        if (auto* mail = std::get_if<envelope>(&mail_)) {
            mail->peer = peer;
            mail->incarnation = incarnation;
        } else {
            std::get<bulk_envelope>(mail_).peer = peer;
            std::get<bulk_envelope>(mail_).incarnation = incarnation;
        }
    }

private:
    void adopt(message& body) {
        if (auto* append = std::get_if<append_request>(&body)) {
            run_view& entries = append->entries;
            if (entries.empty()) {
                entries = run_view{nullptr, 0, 0, entries.first, entries.term, 0};
                return;
            }
            entries.owner = copied(entries.span()).owner;
            entries.offset = 0;
        } else if (auto* offer = std::get_if<snapshot_offer>(&body)) {
            offer->meta = copied(offer->meta.bytes());
            offer->manifest = copied(offer->manifest.bytes());
        }
    }
    bytes_view copied(byte_span bytes) {
        block* made = allocate_block(static_cast<u32>(bytes.size()));
        RAFTKIT_ASSERT(made != nullptr);
        if (!bytes.empty()) std::memcpy(made->bytes(), bytes.data(), bytes.size());
        blocks_.push_back(made);
        return {made, made->bytes(), static_cast<u32>(bytes.size())};
    }

    std::variant<envelope, bulk_envelope> mail_;
    std::vector<block*> blocks_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
