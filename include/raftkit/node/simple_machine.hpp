#pragma once
// State machines on plain values, for those who don't need views, sinks and chunks:
//
//   struct words {
//       std::string apply(std::string_view command);  // or void, or anything trivially copyable
//       Copy snapshot() const;  // on the loop; owns its data. O(1) is advised above 64 MiB
//       void restore(Copy&&);   // on the loop: a swap
//       // On the work thread; not needed when Copy is std::string.
//       static result<void> write(const Copy&, byte_sink&);
//       static result<Copy> read(byte_source&);
//   };
//
// simple_adapter makes a state_machine of it. Copy, its bytes and the restored Copy live side by
// side for a while: a machine of many gigabytes should be written against
// concepts/state_machine.hpp.

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>

RAFTKIT_NAMESPACE_BEGIN

class byte_sink {
public:
    void write(byte_span bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    void write(std::string_view text) { write(as_bytes(text)); }
    std::vector<std::byte>& bytes() noexcept { return bytes_; }

private:
    std::vector<std::byte> bytes_;
};

class byte_source {
public:
    explicit byte_source(byte_span from) noexcept : from_(from) {}
    // At most `count`; empty at the end. Valid while read() runs.
    byte_span read(std::size_t count) noexcept {
        const byte_span taken = from_.first(count < from_.size() ? count : from_.size());
        from_ = from_.subspan(taken.size());
        return taken;
    }
    std::size_t left() const noexcept { return from_.size(); }

private:
    byte_span from_;
};

template <class Machine>
using simple_copy_of = std::remove_cvref_t<decltype(std::declval<const Machine&>().snapshot())>;

template <class Reply>
concept simple_reply = std::is_void_v<Reply> || std::same_as<Reply, std::string> ||
                       std::is_trivially_copyable_v<Reply>;

template <class Machine>
concept simple_machine =
    requires(Machine& machine, std::string_view text) {
        { machine.apply(text) } -> simple_reply;
        machine.restore(machine.snapshot());
    } && (std::same_as<simple_copy_of<Machine>, std::string> ||
          requires(const simple_copy_of<Machine>& copy, byte_sink& sink, byte_source& source) {
              { Machine::write(copy, sink) } -> std::same_as<result<void>>;
              { Machine::read(source) } -> std::same_as<result<simple_copy_of<Machine>>>;
          });

template <class Machine>
class simple_adapter {
    static_assert(simple_machine<Machine>,
                  "raftkit: Machine lacks apply(std::string_view), snapshot() const, "
                  "restore(Copy&&) or, where Copy "
                  "is not std::string, write and read; see node/simple_machine.hpp");
    static_assert(!state_machine<Machine>,
                  "raftkit: Machine is a state_machine and a simple_machine: keep one of the two");

public:
    using copy = simple_copy_of<Machine>;

    // The copy becomes bytes at the first call of next(), on the work executor.
    class image {
    public:
        explicit image(copy of) : copy_(std::move(of)) {}
        result<image_step> next(std::span<std::byte> chunk) {
            if (!written_) {
                byte_sink sink;
                if (result<void> done = write(copy_, sink); !done) return done.why();
                bytes_ = std::move(sink.bytes());
                written_ = true;
            }
            const std::size_t count = std::min(chunk.size(), bytes_.size() - at_);
            if (count != 0) std::memcpy(chunk.data(), bytes_.data() + at_, count);
            at_ += count;
            const bool end = at_ == bytes_.size();
            return image_step{static_cast<u32>(count), end, end};
        }

    private:
        copy copy_;
        std::vector<std::byte> bytes_;
        std::size_t at_ = 0;
        bool written_ = false;
    };

    class restore_writer {
    public:
        explicit restore_writer(Machine& into) noexcept : into_(&into) {}
        result<void> write(const chunk& part) {
            const byte_span bytes = part.bytes.bytes();
            bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
            if (!part.end) return {};
            byte_source source(bytes_);
            result<copy> made = read(source);
            if (!made) return made.why();
            restored_.emplace(std::move(*made));
            bytes_ = {};
            return {};
        }
        void commit() noexcept { into_->restore(std::move(*restored_)); }

    private:
        Machine* into_;
        std::vector<std::byte> bytes_;
        std::optional<copy> restored_;
    };

    simple_adapter() = default;
    explicit simple_adapter(Machine machine) : machine_(std::move(machine)) {}

    void apply(const command& asked, reply_sink& replies) {
        using reply = decltype(machine_.apply(std::string_view{}));
        if constexpr (std::is_void_v<reply>) {
            machine_.apply(as_text(asked.body));
        } else if constexpr (std::same_as<reply, std::string>) {
            replies.reply(asked.at.index, as_bytes(machine_.apply(as_text(asked.body))));
        } else {
            const reply made = machine_.apply(as_text(asked.body));
            replies.reply(asked.at.index, std::as_bytes(std::span(&made, 1)));
        }
    }
    result<image> capture() const { return image(machine_.snapshot()); }
    result<restore_writer> restore(const snapshot_meta&) { return restore_writer(machine_); }

    const Machine& machine() const noexcept { return machine_; }

private:
    static result<void> write(const copy& from, byte_sink& sink) {
        if constexpr (std::same_as<copy, std::string>) {
            sink.write(std::string_view(from));
            return {};
        } else {
            return Machine::write(from, sink);
        }
    }
    static result<copy> read(byte_source& source) {
        if constexpr (std::same_as<copy, std::string>) {
            return std::string(as_text(source.read(source.left())));
        } else {
            return Machine::read(source);
        }
    }

    Machine machine_;
};

RAFTKIT_NAMESPACE_END
