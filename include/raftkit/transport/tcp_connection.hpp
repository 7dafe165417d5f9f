#pragma once
// One TCP connection of one lane: bytes in, frames out and back, no policy. It never waits, buffers
// a bounded amount, and keeps a reference only to what the socket would not take at once. Input is
// read into blocks that are large enough for the frame that begins in them, so that a run is a
// slice of its block and is never copied.

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include <raftkit/base/ring.hpp>
#include <raftkit/io/poller.hpp>
#include <raftkit/io/socket.hpp>
#include <raftkit/transport/wire.hpp>

RAFTKIT_NAMESPACE_BEGIN

// closed <- connecting (dialled) -> greeting (hello sent or awaited) -> open
enum class connection_phase : u8 { closed, connecting, greeting, open };

class tcp_connection : public watcher {
public:
    tcp_connection(poller& loop, tcp_socket socket, bool dialled) noexcept
        : phase(dialled ? connection_phase::connecting : connection_phase::greeting),
          dialled_(dialled),
          loop_(&loop),
          socket_(std::move(socket)) {
        fd = socket_.fd();
    }
    tcp_connection(tcp_connection&&) = delete;  // the poller points at it
    ~tcp_connection() {
        close();
        drop_input();
    }

    // Facts that the transport keeps here.
    connection_phase phase;
    wire_lane lane = wire_lane::control;
    node_id peer;             // dialled: whom we want; accepted: none until its hello
    u64 incarnation = 0;      // of the peer, from its hello
    instant give_up = never;  // while not open
    bool readable = false;    // listed by the transport for its next drain
    void* owner = nullptr;    // for `ready`

    bool dialled() const noexcept { return dialled_; }
    bool is_closed() const noexcept { return phase == connection_phase::closed; }
    bool is_open() const noexcept { return phase == connection_phase::open; }
    const tcp_socket& socket() const noexcept { return socket_; }
    u64 queued_bytes() const noexcept { return queued_bytes_; }

    result<void> watch() noexcept {
        interest_ = phase == connection_phase::connecting ? poll_out : poll_in;
        return loop_->add(*this, interest_);
    }
    // What is lent from the input stays until drop_input().
    void close() noexcept {
        if (phase == connection_phase::closed) return;
        loop_->remove(*this);
        socket_.close();
        phase = connection_phase::closed;
        queue_.clear();
        queued_bytes_ = 0;
    }
    void drop_input() noexcept {
        if (input_ != nullptr) release_block(std::exchange(input_, nullptr));
        parsed_ = filled_ = 0;
    }

    // Queues the frame if `may_wait`, else writes what is queued and it with one call. What the
    // socket does not take is kept. Requires: not closed.
    result<void> send(encoded_frame& made, bool may_wait) noexcept {
        if (!queue_.empty() && stuck_) return push(made, 0), result<void>();
        if (may_wait && made.tail.size == 0) return push(made, 0), result<void>();
        if (!queue_.empty()) {
            push(made, 0);  // small ones first, then this, in one call
            return flush();
        }
        const std::array<byte_span, 2> pieces{made.head_span(), made.tail.bytes()};
        const auto taken = send_some(socket_, pieces);
        if (!taken) return taken.why();
        if (*taken == made.size()) return {};
        push(made, *taken);
        return mark_stuck(true), result<void>();
    }
    // Writes as much of the queue as the socket takes.
    result<void> flush() noexcept {
        while (!queue_.empty()) {
            std::array<byte_span, 2 * frames_a_call> pieces;
            u64 offered = 0;
            const std::size_t count = gather(pieces, offered);
            const auto taken = send_some(socket_, {pieces.data(), count});
            if (!taken) return taken.why();
            pop(*taken);
            if (*taken < offered) return mark_stuck(true), result<void>();
        }
        mark_stuck(false);
        return {};
    }

    // Reads once. Returns the bytes read; busy: none now; not_found: the peer closed; busy without
    // errno: no memory. Requires: every whole frame was taken.
    result<u64> read(u32 body_bytes_max) noexcept {
        if (!make_room(body_bytes_max)) return error{errc::too_large, 0, "transport/tcp.input"};
        if (input_ == nullptr) return error{errc::busy, ENOMEM, "transport/tcp.input"};
        const auto taken =
            receive_some(socket_, {input_->bytes() + filled_, input_->capacity - filled_});
        if (taken) filled_ += static_cast<u32>(*taken);
        return taken;
    }
    // Gives every whole frame to `take(frame&)`, as long as it leaves the connection open. An
    // error: close it.
    template <class Take>
    result<void> take_frames(u32 body_bytes_max, Take&& take) noexcept {
        while (!is_closed() && filled_ - parsed_ >= frame_header_bytes) {
            const auto head = peek_frame(input_->bytes() + parsed_, body_limit(body_bytes_max));
            if (!head) return head.why();
            if (filled_ - parsed_ < head->frame_bytes()) return {};
            auto decoded = decode_frame(*head, *input_, parsed_, peer, incarnation);
            if (!decoded) return decoded.why();
            parsed_ += head->frame_bytes();
            take(*decoded);
        }
        return {};
    }

private:
    static constexpr std::size_t frames_a_call = 64;
    static constexpr u32 greeting_block_bytes = 512;
    static constexpr u32 worth_reading_bytes = 8u << 10;
    static_assert(greeting_block_bytes >= frame_header_bytes + frame_fixed_max);

    struct out_frame {
        std::array<std::byte, frame_head_max> head;
        u32 head_bytes = 0;
        buffer tail;
        u64 done = 0;  // bytes already written
        u64 size() const noexcept { return u64{head_bytes} + tail.size(); }
    };

    // A stranger may send a hello and no more.
    u32 body_limit(u32 body_bytes_max) const noexcept {
        return phase == connection_phase::open ? body_bytes_max : frame_fixed_max;
    }

    void push(encoded_frame& made, u64 done) noexcept {
        out_frame kept;
        std::memcpy(kept.head.data(), made.head.data(), made.head_bytes);
        kept.head_bytes = made.head_bytes;
        if (made.copied.valid()) {
            kept.tail = std::move(made.copied);
        } else if (made.tail.size != 0) {
            kept.tail = made.tail.keep();
            if (!kept.tail.valid()) return broken_by_memory(done);
        }
        kept.done = done;
        queued_bytes_ += kept.size() - done;
        queue_.push_back(std::move(kept));
    }
    // A frame of which a part is out can't be dropped: the stream would be garbage.
    void broken_by_memory(u64 done) noexcept {
        if (done != 0) close();
    }
    std::size_t gather(std::array<byte_span, 2 * frames_a_call>& pieces,
                       u64& offered) const noexcept {
        std::size_t count = 0;
        const u64 last = std::min(queue_.end(), queue_.first() + frames_a_call);
        for (u64 at = queue_.first(); at != last; ++at) {
            const out_frame& each = queue_[at];
            u64 skip = each.done;
            for (const byte_span part :
                 {byte_span(each.head.data(), each.head_bytes), each.tail.bytes()}) {
                const u64 skipped = std::min<u64>(skip, part.size());
                skip -= skipped;
                if (skipped == part.size()) continue;
                pieces[count++] = part.subspan(static_cast<std::size_t>(skipped));
                offered += part.size() - skipped;
            }
        }
        return count;
    }
    void pop(u64 taken) noexcept {
        queued_bytes_ -= taken;
        while (taken > 0) {
            out_frame& first = queue_.front();
            const u64 left = first.size() - first.done;
            if (taken < left) {
                first.done += taken;
                return;
            }
            taken -= left;
            queue_.pop_front();
        }
    }
    // Stuck: the socket is full; the poller tells when it is not.
    void mark_stuck(bool stuck) noexcept {
        stuck_ = stuck;
        const u32 wanted = stuck ? poll_in | poll_out : poll_in;
        if (wanted == interest_ || is_closed()) return;
        interest_ = wanted;
        (void)loop_->change(
            *this, wanted);  // it is watched: nothing can fail that the next read does not tell
    }

    // Ensures: unless out of memory, there is a block with room for the frame that begins at
    // parsed_. False: that frame is larger than allowed.
    bool make_room(u32 body_bytes_max) noexcept {
        u32 needed = frame_header_bytes;
        if (filled_ - parsed_ >= frame_header_bytes) {
            const auto head = peek_frame(input_->bytes() + parsed_, body_limit(body_bytes_max));
            if (!head) return false;
            needed = head->frame_bytes();
        }
        if (input_ != nullptr && parsed_ == filled_ &&
            input_->refs.load(std::memory_order_acquire) == 1) {
            parsed_ = filled_ = 0;  // nobody kept a slice
        }
        const u32 wanted =
            phase == connection_phase::open ? std::max(block_bytes, needed) : greeting_block_bytes;
        if (input_ != nullptr && fits(needed) && (filled_ != 0 || input_->capacity >= wanted))
            return true;
        block* larger = allocate_block(wanted);
        const u32 held = filled_ - parsed_;
        if (larger != nullptr && held != 0)
            std::memcpy(larger->bytes(), input_->bytes() + parsed_, held);
        if (larger != nullptr || held == 0) drop_input();
        if (larger == nullptr) return true;
        input_ = larger;
        filled_ = held;
        parsed_ = 0;
        return true;
    }
    bool fits(u32 needed) const noexcept {
        const u32 free = input_->capacity - filled_;
        if (parsed_ == filled_) return free >= std::min(worth_reading_bytes, input_->capacity);
        return needed <= input_->capacity - parsed_ && free > 0;
    }

    bool dialled_, stuck_ = false;
    u32 interest_ = 0;
    poller* loop_;
    tcp_socket socket_;
    ring<out_frame> queue_;
    u64 queued_bytes_ = 0;
    block* input_ = nullptr;
    u32 parsed_ = 0, filled_ = 0;
};

RAFTKIT_NAMESPACE_END
