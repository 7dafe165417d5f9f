#pragma once
// What the data commands do to a keyspace. They run in apply or after a read barrier, see nothing
// but entry and state, and word their errors as Redis words them.

#include "commands.hpp"

namespace kvd {

void do_get(data_call&);
void do_set(data_call&);
void do_setnx(data_call&);
void do_mget(data_call&);
void do_mset(data_call&);
void do_del(data_call&);
void do_exists(data_call&);
void do_incr(data_call&);
void do_decr(data_call&);
void do_incrby(data_call&);
void do_decrby(data_call&);
void do_append(data_call&);
void do_strlen(data_call&);
void do_scan(data_call&);
void do_flushall(data_call&);
void do_dbsize(data_call&);

// Why this data command can't be run at all, in Redis's words; empty if it can. Asked before
// anything is logged.
std::string syntax_error(const command_row& row, words args);

}  // namespace kvd
