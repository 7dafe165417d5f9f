#pragma once
// What kvload is asked to do, from its command line.

#include <string>
#include <vector>

#include <raftkit/base/bytes.hpp>

namespace kvload {

struct options {
    std::vector<std::string> nodes;  // client addresses; any of them leads to the others
    std::string acknowledged;        // file that every acknowledged key is appended to
    std::string verify;              // such a file: read its keys back instead of writing
    std::string prefix = "load";
    raftkit::u64 clients = 8;
    raftkit::u64 seconds = 0;  // 0: until `keys` are acknowledged
    raftkit::u64 keys = 0;     // 0: until `seconds` are over
    raftkit::u64 value_bytes = 64;
    raftkit::u64 patience_seconds = 30;  // how long one key may be tried without an answer
};

// Fills `into`; why not, or empty.
std::string parse_options(int count, char** words, options& into);
std::string usage();

}  // namespace kvload
