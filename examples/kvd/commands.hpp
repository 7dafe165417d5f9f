#pragma once
// The command table: one row a command. From it come arity errors, COMMAND, what MULTI may queue,
// where a command runs (through the log, as a linearizable read, or on this node at once) and what
// a log entry calls it.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "resp.hpp"

namespace kvd {

class keyspace;
class session;

using words = std::span<const std::string_view>;

// A data command runs inside apply (writes) or after a read barrier (reads): on entry and state
// alone.
struct data_call {
    keyspace& data;
    words args;
    reply_writer& reply;
};

enum command_flag : unsigned {
    write_flag = 1,    // goes through the log
    read_flag = 2,     // linearizable read
    denyoom_flag = 4,  // refused beyond --max-memory
    fast_flag = 8,
    admin_flag = 16,
    stale_flag = 32,    // answered by every node at once
    loading_flag = 64,  // also before the node serves
    no_multi_flag = 128
};

struct command_row {
    std::uint8_t code;  // in log entries: never changes meaning
    const char* name;
    int arity;  // negative: at least
    unsigned flags;
    int first_key, last_key, step;
    const char* group;
    void (*data)(data_call&);
    void (*local)(session&, words);
};

std::span<const command_row> command_table();
const command_row* find_command(std::string_view name);
const command_row* find_command(std::uint8_t code);
bool arity_fits(const command_row& row, std::size_t count);

// Redis's words for what can't be run.
std::string unknown_command(words args);
std::string unknown_subcommand(std::string_view container, std::string_view subcommand);
std::string wrong_arity(std::string_view name);

// COMMAND, COMMAND INFO: all rows, or one.
void describe(const command_row& row, reply_writer& reply);

unsigned key_slot(std::string_view key);               // CRC16 of the key or its {tag}, mod 16384
unsigned slot_of(const command_row& row, words args);  // of the first key; 0 without one
std::string lower(std::string_view text);
bool same_text(std::string_view a, std::string_view b);  // ignoring case, as Redis compares words
bool parse_integer(std::string_view text, std::int64_t& value);
bool glob_matches(std::string_view pattern, std::string_view text);

}  // namespace kvd
