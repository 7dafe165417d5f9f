#include "ledger.hpp"

#include <fstream>
#include <map>

namespace kvload {

bool ledger::open(const std::string& path) {
    if (path.empty()) return true;
    file_.reset(std::fopen(path.c_str(), "a"));
    return file_ != nullptr;
}

bool ledger::add(const std::string& key, const std::string& value) {
    const std::lock_guard lock(guard_);
    if (file_ == nullptr) return true;
    return std::fprintf(file_.get(), "%s %s\n", key.c_str(), value.c_str()) > 0;
}

bool ledger::close() { return file_ == nullptr || std::fclose(file_.release()) == 0; }

bool read_ledger(const std::string& path, std::vector<acknowledged>& into) {
    std::ifstream file(path);
    if (!file) return false;
    std::map<std::string, std::string> all;
    for (std::string line; std::getline(file, line);) {
        const std::size_t space = line.find(' ');
        if (space == 0 || space == std::string::npos) return false;
        all[line.substr(0, space)] = line.substr(space + 1);
    }
    for (const auto& [key, value] : all) into.push_back({key, value});
    return true;
}

std::string value_for(const std::string& key, raftkit::u64 bytes) {
    std::string value = key + ":";
    raftkit::u64 state = 0xcbf29ce484222325;
    for (const char c : key) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    while (value.size() < bytes) {
        state = state * 6364136223846793005 + 1442695040888963407;
        value += static_cast<char>('a' + (state >> 33) % 26);
    }
    if (value.size() > bytes) value.erase(0, value.size() - bytes);  // its end tells keys apart
    return value;
}

}  // namespace kvload
