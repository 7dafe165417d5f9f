#pragma once
// What a state machine sees: commands in order, as views into the log's own bytes, and a sink for
// replies. Chunks are the pieces in which images, stores and restore writers exchange snapshot
// bytes.

#include <vector>

#include <raftkit/core/run.hpp>

RAFTKIT_NAMESPACE_BEGIN

struct command {
    log_id at;
    byte_span body;
    i64 unix_ns = 0;  // 0: not stamped; never part of body
};

// A view of one run; iterating yields its commands, and skips membership entries and barriers. Lent
// until the apply call returns; keep() takes the one reference a machine needs to hold on to the
// bytes.
class command_range {
public:
    explicit command_range(const run_view& of) noexcept : of_(of) {}

    class iterator {
    public:
        iterator(run_view::iterator at, run_view::iterator end) noexcept : at_(at), end_(end) {
            skip();
        }
        command operator*() const noexcept {
            const entry_view entry = *at_;
            return {entry.at, entry.body, entry.unix_ns};
        }
        iterator& operator++() noexcept {
            ++at_;
            skip();
            return *this;
        }
        friend bool operator==(const iterator& a, const iterator& b) noexcept {
            return a.at_ == b.at_;
        }

    private:
        void skip() noexcept {
            while (at_ != end_ && (*at_).kind != entry_kind::command) ++at_;
        }
        run_view::iterator at_, end_;
    };
    iterator begin() const noexcept { return {of_.begin(), of_.end()}; }
    iterator end() const noexcept { return {of_.end(), of_.end()}; }

    index_t first() const noexcept { return of_.first; }
    index_t last() const noexcept { return of_.last(); }
    run keep() const noexcept { return run(of_); }

private:
    run_view of_;
};

// Replies of one batch, copied once into an arena whose capacity is kept. Replies come in index
// order, at most one an entry; an entry without one gets an empty reply.
class reply_sink {
public:
    // Requires: indexes rise within a batch (the applier asserts it, the conformance suite of
    // machines reports it). A reply for an entry of another batch reaches nobody.
    void reply(index_t at, byte_span bytes) noexcept {
        if (!replies_.empty() && at <= replies_.back().at) {
            ordered_ = false;
            return;
        }
        replies_.push_back({at, arena_.size(), bytes.size()});
        arena_.insert(arena_.end(), bytes.begin(), bytes.end());
    }

    bool ordered() const noexcept { return ordered_; }
    // Every reply was for one of these entries.
    bool within(index_t first, index_t last) const noexcept {
        return replies_.empty() || (first <= replies_.front().at && replies_.back().at <= last);
    }
    // For the applier: walks with rising indexes. Amortised O(1).
    byte_span reply_of(index_t at) noexcept {
        while (next_ < replies_.size() && replies_[next_].at < at) ++next_;
        if (next_ == replies_.size() || replies_[next_].at != at) return {};
        return byte_span(arena_).subspan(replies_[next_].offset, replies_[next_].bytes);
    }
    void clear() noexcept {
        arena_.clear();
        replies_.clear();
        next_ = 0;
        ordered_ = true;
    }

private:
    struct entry {
        index_t at;
        std::size_t offset, bytes;
    };
    std::vector<std::byte> arena_;
    std::vector<entry> replies_;
    std::size_t next_ = 0;
    bool ordered_ = true;
};

struct chunk {
    u32 section = 0;
    u64 offset = 0;
    buffer bytes;
    bool end_of_section = false, end = false;
};

RAFTKIT_NAMESPACE_END
