// kvd: a replicated key-value server that speaks the Redis protocol. An example of the kit, not a
// Redis.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <new>

#include <raftkit/config.hpp>

#include "options.hpp"
#include "server.hpp"

namespace {

kvd::server* running = nullptr;

void stop_by_signal(int) { running->ask_to_stop(); }

[[noreturn]] void out_of_memory() {
    std::fputs("kvd: stopped: out of memory\n", stderr);
    std::_Exit(1);
}

}  // namespace

int main(int count, char** words) {
    std::set_new_handler(out_of_memory);
    const kvd::parsed asked = kvd::parse_options(count, words);
    switch (asked.want) {
        case kvd::wish::help: std::fputs(kvd::usage().c_str(), stdout); return 0;
        case kvd::wish::version: std::puts("kvd " RAFTKIT_VERSION_STRING); return 0;
        case kvd::wish::wrong: std::fprintf(stderr, "kvd: %s\n", asked.message.c_str()); return 2;
        case kvd::wish::run: break;
    }
    kvd::server server(asked.values);
    running = &server;
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on the size of files is an error of the call then
    if (const int refused = server.open(); refused != 0) return refused;
    std::signal(SIGTERM, stop_by_signal);
    std::signal(SIGINT, stop_by_signal);
    return server.run();
}
