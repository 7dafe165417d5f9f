#pragma once
// What a node says of itself in text: INFO and the RAFT container.

#include <string>
#include <utility>
#include <vector>

#include "commands.hpp"

namespace kvd {

class server;

// All sections, or those named; `# Raft` is the last.
std::string info_text(server& of, words sections);
std::string raft_section(server& of);
std::vector<std::string> member_lines(server& of);  // "id role peer client"
std::pair<std::string, std::string> split_address(const std::string& address);  // host, port

}  // namespace kvd
