#pragma once
// What was acknowledged: `key value` lines. A run appends to it, so that the keys of all runs can
// be read back together; the file is the client's word against the cluster's.

#include <cstdio>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <raftkit/base/bytes.hpp>

namespace kvload {

struct acknowledged {
    std::string key, value;
};

class ledger {
public:
    bool open(const std::string& path);  // an empty path keeps nothing
    bool add(const std::string& key, const std::string& value);
    bool close();

private:
    struct closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::mutex guard_;
    std::unique_ptr<std::FILE, closer> file_;
};

// False: it can't be read, or is not such a file. A key that stands there twice keeps its last
// value.
bool read_ledger(const std::string& path, std::vector<acknowledged>& into);

// The value is made from the key, printable, and different for different keys.
std::string value_for(const std::string& key, raftkit::u64 bytes);

}  // namespace kvload
