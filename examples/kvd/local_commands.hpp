#pragma once
// Commands that a node answers by itself, on the connection: who it is, who leads, how it is.

#include "commands.hpp"

namespace kvd {

void do_ping(session&, words);
void do_echo(session&, words);
void do_quit(session&, words);
void do_reset(session&, words);
void do_select(session&, words);
void do_hello(session&, words);
void do_readonly(session&, words);
void do_readwrite(session&, words);
void do_client(session&, words);
void do_command(session&, words);
void do_config(session&, words);
void do_info(session&, words);
void do_role(session&, words);
void do_shutdown(session&, words);
void do_multi(session&, words);
void do_exec(session&, words);
void do_discard(session&, words);
void do_cluster(session&, words);
void do_sentinel(session&, words);
void do_raft(session&, words);
void do_snapshot(session&, words);

}  // namespace kvd
