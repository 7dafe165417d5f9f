#pragma once
// A state machine for tests: 64-bit registers by 32-bit key, and a chain over every command that it
// ever applied. The chain is part of the image, so two machines are equal only if they applied the
// same commands at the same places: a skipped, repeated or reordered command is seen even if the
// registers happen to agree.
//
// Command: u8 kind (0 set, 1 add) | u32 key | u64 value | padding of any length. What does not
// parse changes only the chain. Image: u64 chain | log_id at | u64 count | count x (u32 key, u64
// value).

#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

enum class register_op : u8 { set, add };

inline std::vector<std::byte> register_command(register_op op, u32 key, u64 value,
                                               u32 padding = 0) {
    std::vector<std::byte> made(13 + padding);
    byte_writer out(made);
    out.put_u8(static_cast<u8>(op));
    out.put_u32(key);
    out.put_u64(value);
    return made;
}

struct register_state {
    u64 chain = 0;
    log_id at;  // of the newest command
    std::map<u32, u64> values;
    friend bool operator==(const register_state&, const register_state&) = default;
};

inline u64 hash_of(byte_span bytes) noexcept {
    u64 hash = 0xcbf29ce484222325ULL ^ bytes.size();
    for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
        hash = (hash ^ load_le<u64>(bytes.data())) * 0x100000001b3ULL;
        hash ^= hash >> 29;
    }
    for (std::byte each : bytes) hash = (hash ^ static_cast<u64>(each)) * 0x100000001b3ULL;
    return hash ^ (hash >> 31);
}
inline u64 chained(u64 chain, u64 word) noexcept {
    chain ^= word + 0x9e3779b97f4a7c15ULL + (chain << 6) + (chain >> 2);
    return chain * 0xff51afd7ed558ccdULL;
}

inline void apply_register(register_state& state, log_id at, byte_span body) {
    state.chain =
        chained(chained(chained(state.chain, at.index.value), at.term.value), hash_of(body));
    state.at = at;
    byte_reader in(body);
    const auto op = in.take_u8();
    const auto key = in.take_u32();
    const auto value = in.take_u64();
    if (!in.ok() || op > 1) return;
    u64& slot = state.values[key];
    slot = op == 0 ? value : slot + value;
}

inline std::vector<std::byte> encode_registers(const register_state& state) {
    std::vector<std::byte> made(32 + state.values.size() * 12);
    byte_writer out(made);
    out.put_u64(state.chain);
    out.put(state.at.index);
    out.put(state.at.term);
    out.put_u64(state.values.size());
    for (const auto& [key, value] : state.values) {
        out.put_u32(key);
        out.put_u64(value);
    }
    return made;
}
inline result<register_state> decode_registers(byte_span image) {
    register_state made;
    byte_reader in(image);
    made.chain = in.take_u64();
    in.take(made.at.index);
    in.take(made.at.term);
    const u64 count = in.take_u64();
    if (!in.ok() || count != in.left() / 12 || in.left() % 12 != 0) {
        return error{errc::corrupt, 0, "register_map/image", image.size()};
    }
    for (u64 left = count; left > 0; --left) {
        const u32 key = in.take_u32();
        made.values[key] = in.take_u64();
    }
    return made;
}
inline u64 digest_of(const register_state& state) noexcept {
    u64 digest = chained(state.chain, state.at.index.value);
    for (const auto& [key, value] : state.values) digest = chained(chained(digest, key), value);
    return digest;
}

// Told of what the machine does, for checkers outside of it. Either function may be null.
struct machine_watch {
    void* who = nullptr;
    void (*applied)(void* who, const command& done, const register_state& now) = nullptr;
    void (*restored)(void* who, const snapshot_meta& from, const register_state& now) = nullptr;
};

class register_map {
public:
    class image {
    public:
        explicit image(std::vector<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}
        result<image_step> next(std::span<std::byte> chunk) noexcept {
            const std::size_t left = bytes_.size() - at_;
            const std::size_t count = left < chunk.size() ? left : chunk.size();
            std::memcpy(chunk.data(), bytes_.data() + at_, count);
            at_ += count;
            const bool done = at_ == bytes_.size();
            return image_step{static_cast<u32>(count), done, done};
        }

    private:
        std::vector<std::byte> bytes_;
        std::size_t at_ = 0;
    };

    class writer {
    public:
        writer(register_map& into, const snapshot_meta& of) : into_(&into), of_(of) {}
        result<void> write(const chunk& part) {
            const byte_span bytes = part.bytes.bytes();
            if (part.section != 0)
                return error{errc::corrupt, 0, "register_map/section", part.section};
            if (part.offset != image_.size()) {
                return error{errc::corrupt, 0, "register_map/offset", part.offset};
            }
            image_.insert(image_.end(), bytes.begin(), bytes.end());
            if (!part.end) return {};
            result<register_state> decoded = decode_registers(image_);
            if (!decoded) return decoded.why();
            fresh_ = std::make_unique<register_state>(std::move(*decoded));
            return {};
        }
        void commit() noexcept {
            RAFTKIT_ASSERT(fresh_ != nullptr);  // the `end` chunk always comes first
            std::swap(into_->state_, *fresh_);
            if (into_->watch_.restored != nullptr) {
                into_->watch_.restored(into_->watch_.who, of_, into_->state_);
            }
        }

    private:
        register_map* into_;
        snapshot_meta of_;
        std::vector<std::byte> image_;
        std::unique_ptr<register_state> fresh_;
    };

    register_map() noexcept = default;
    explicit register_map(machine_watch watch) noexcept : watch_(watch) {}

    void apply(const command& asked, reply_sink& replies) noexcept {
        apply_register(state_, asked.at, asked.body);
        if (watch_.applied != nullptr) watch_.applied(watch_.who, asked, state_);
        std::byte reply[8];
        store_le(reply, asked.at.index.value);
        replies.reply(asked.at.index, reply);
    }
    result<image> capture() const { return image(encode_registers(state_)); }
    result<writer> restore(const snapshot_meta& of) { return writer(*this, of); }

    u64 digest() const noexcept { return digest_of(state_); }
    const register_state& state() const noexcept { return state_; }

private:
    register_state state_;
    machine_watch watch_;
};
static_assert(state_machine<register_map> && digesting_machine<register_map>);

}  // namespace testing

RAFTKIT_NAMESPACE_END
