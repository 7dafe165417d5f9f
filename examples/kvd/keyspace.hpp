#pragma once
// The replicated state: a map from keys to values, changed by log entries alone. A log entry holds
// one command, or the commands of one MULTI:
//
//   u8 version | u8 protocol of the reply | u8 flags (1: a transaction) | u8 zero | u32 commands
//   per command: u8 code | u8 zero[3] | u32 arguments, per argument: u32 bytes | bytes

#include <string>
#include <vector>

#include <raftkit/concepts/state_machine.hpp>
#include <raftkit/snapshot/capture/persistent_map.hpp>

#include "commands.hpp"

namespace kvd {

class keyspace {
public:
    class restore_writer {
    public:
        restore_writer(keyspace& into, raftkit::u64 seed) : into_(&into), reader_(seed) {}
        raftkit::result<void> write(const raftkit::chunk& piece) {
            if (auto fed = reader_.feed(piece.bytes.bytes()); !fed) return fed;
            return piece.end ? reader_.finish() : raftkit::result<void>{};
        }
        // The old values die with this writer, on the work executor.
        void commit() noexcept { into_->values_.swap(reader_.map()); }

    private:
        keyspace* into_;
        raftkit::map_stream_reader reader_;
    };

    explicit keyspace(raftkit::u64 seed) : values_(seed) {}

    // StateMachine
    void apply(raftkit::command_range batch, raftkit::reply_sink& out);
    raftkit::result<raftkit::persistent_map_image> capture() noexcept { return values_.capture(); }
    raftkit::result<restore_writer> restore(const raftkit::snapshot_meta&) {
        return restore_writer(*this, values_.seed());
    }

    raftkit::persistent_map& values() { return values_; }
    const raftkit::persistent_map& values() const { return values_; }
    // What a command without effects would answer; a reader's door into the same handlers.
    void run(const command_row& row, words args, reply_writer& reply) const;

private:
    void prefetch(raftkit::command_range batch);

    raftkit::persistent_map values_;
    std::string reply_;  // reused by every entry
    std::vector<std::string_view> arguments_;
};

class entry_writer {
public:
    // The entry for one command, or for the commands of a transaction.
    void begin(int protocol, bool transaction);
    void add(const command_row& row, words args);
    raftkit::byte_span bytes() { return raftkit::as_bytes(bytes_); }
    // An upper bound of what add() would make of it.
    static std::size_t bytes_of(words args);

private:
    void put_u32(raftkit::u32 value);

    std::string bytes_;
    raftkit::u32 commands_ = 0;
};

}  // namespace kvd
