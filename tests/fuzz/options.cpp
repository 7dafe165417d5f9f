// The command lines of kvd and kvload, and kvd's configuration file. An input is words, separated
// by line ends; the first byte says how they are meant:
//   0 words of kvd's command line | 1 lines of its configuration file | 2 words of kvload's
// A file in memory stands for the one on disk.
#include "fuzz.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <kvd/options.hpp>
#include <load/options.hpp>
#include <raftkit/io/socket.hpp>

namespace {

class memory_file {
public:
    explicit memory_file(std::string_view text) : fd_(::memfd_create("options", 0)) {
        FUZZ_PROPERTY(fd_ >= 0);
        FUZZ_PROPERTY(::write(fd_, text.data(), text.size()) ==
                      static_cast<::ssize_t>(text.size()));
    }
    memory_file(memory_file&&) = delete;
    ~memory_file() { ::close(fd_); }
    std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

private:
    int fd_;
};

// The words as a program is given them: each ends in a zero, and nothing may be read behind it.
class arguments {
public:
    explicit arguments(const std::vector<std::string>& words) {
        for (const std::string& word : words) {
            held_.push_back(static_cast<char*>(std::malloc(word.size() + 1)));
            std::memcpy(held_.back(), word.c_str(), word.size() + 1);
        }
        held_.push_back(nullptr);
    }
    arguments(arguments&&) = delete;
    ~arguments() {
        for (char* each : held_) std::free(each);
    }
    int count() const { return static_cast<int>(held_.size()) - 1; }
    char** words() { return held_.data(); }

private:
    std::vector<char*> held_;
};

kvd::parsed parse_kvd(const std::vector<std::string>& words) {
    arguments given(words);
    return kvd::parse_options(given.count(), given.words());
}

std::vector<std::string> words_in(std::string_view text, const char* program) {
    std::vector<std::string> words{program};
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        words.emplace_back(text.substr(at, end - at));
        // The system gives words that end at their first zero.
        words.back().resize(std::strlen(words.back().c_str()));
        at = end + 1;
    }
    return words;
}

// All that a node was told, said in one way; parsed again it is the same.
std::vector<std::pair<std::string, std::string>> said_by(const kvd::options& of) {
    const auto list = [](const std::map<raftkit::node_id, std::string>& from) {
        std::string text;
        for (const auto& [id, address] : from) {
            text += (text.empty() ? "" : ",") + std::to_string(id.value) + "=" + address;
        }
        return text;
    };
    const auto ms = [](raftkit::duration of_time) {
        return std::to_string(of_time.ns / 1'000'000);
    };
    std::vector<std::pair<std::string, std::string>> said{
        {"id", std::to_string(of.id.value)},
        {"cluster", list(of.cluster)},
        {"client", of.client},
        {"data", of.data},
        {"cluster-name", of.cluster_name},
        {"snapshot-entries", std::to_string(of.snapshot_entries)},
        {"trailing", std::to_string(of.trailing)},
        {"segment-bytes", std::to_string(of.segment_bytes)},
        {"election-ms", ms(of.election_min) + "-" + ms(of.election_max)},
        {"request-ms", ms(of.request)},
        {"max-memory", std::to_string(of.max_memory)},
        {"value-bytes-max", std::to_string(of.value_bytes_max)},
        {"follower", of.stale_followers ? "stale" : "redirect"}};
    if (!of.client_peers.empty()) said.emplace_back("client-peers", list(of.client_peers));
    if (!of.listen.empty()) said.emplace_back("listen", of.listen);
    if (of.heartbeat.ns % 1'000'000 == 0) said.emplace_back("heartbeat-ms", ms(of.heartbeat));
    return said;
}

void check_kvd(const kvd::parsed& seen) {
    if (seen.want == kvd::wish::wrong) {
        FUZZ_PROPERTY(!seen.message.empty());
        return;
    }
    if (seen.want != kvd::wish::run) return;
    const kvd::options& of = seen.values;
    FUZZ_PROPERTY(of.cluster.count(of.id) == 1 && of.cluster.size() <= raftkit::peers_max);
    FUZZ_PROPERTY(of.id && of.id.next());
    for (const auto& [id, address] : of.cluster) FUZZ_PROPERTY(raftkit::parse_address(address));
    FUZZ_PROPERTY(raftkit::parse_address(of.client) && !of.data.empty());
    FUZZ_PROPERTY(of.listen.empty() || raftkit::parse_address(of.listen));
    FUZZ_PROPERTY(of.election_min < of.election_max && of.heartbeat.ns > 0);
    FUZZ_PROPERTY(of.heartbeat * 5 <= of.election_min);
    FUZZ_PROPERTY(of.value_bytes_max <= 60u << 20 && of.segment_bytes >= 16 * 1024);

    std::vector<std::string> line{"kvd"};
    std::string file;
    bool in_a_file = true;
    const auto said = said_by(of);
    for (const auto& [name, value] : said) {
        line.push_back("--" + name + "=" + value);
        file += name + " = " + value + "\n";
        // A file's values lose the blanks around them, and end with their line.
        const std::string blanks = " \t\r";
        in_a_file &= value.find('\n') == std::string::npos &&
                     blanks.find(value.front()) == std::string::npos &&
                     blanks.find(value.back()) == std::string::npos;
    }
    const kvd::parsed again = parse_kvd(line);
    FUZZ_PROPERTY(again.want == kvd::wish::run && said_by(again.values) == said);
    if (!in_a_file) return;
    const memory_file stored(file);
    const kvd::parsed read = parse_kvd({"kvd", "--config", stored.path()});
    FUZZ_PROPERTY(read.want == kvd::wish::run && said_by(read.values) == said);
}

void check_kvload(std::vector<std::string> words) {
    arguments given(words);
    kvload::options of;
    const std::string why = kvload::parse_options(given.count(), given.words(), of);
    if (!why.empty()) return;
    FUZZ_PROPERTY(!of.nodes.empty());
    for (const std::string& each : of.nodes) FUZZ_PROPERTY(raftkit::parse_address(each));
    FUZZ_PROPERTY(of.clients >= 1 && of.clients <= 1000 && of.value_bytes <= 64u << 20);
    FUZZ_PROPERTY(of.prefix.find_first_of(" \t\r\n") == std::string::npos && !of.prefix.empty());
    FUZZ_PROPERTY(!of.verify.empty() || of.seconds != 0 || of.keys != 0);
}

// An address that is accepted is what it says when it is written again.
void check_address(std::string_view text) {
    const auto address = raftkit::parse_address(text);
    if (!address) return;
    FUZZ_PROPERTY(text.find(char(0)) == std::string_view::npos);
    const std::string said = raftkit::text_of(*address);
    const auto again = raftkit::parse_address(said);
    FUZZ_PROPERTY(again && raftkit::text_of(*again) == said);
}

void run_options(fuzz::byte_span input) {
    if (input.empty()) return;
    const fuzz::exact_copy held(input.subspan(1));
    switch (static_cast<fuzz::u8>(input[0]) % 4) {
        case 0: check_kvd(parse_kvd(words_in(held.text(), "kvd"))); break;
        case 1: {
            const memory_file stored(held.text());
            check_kvd(parse_kvd({"kvd", "--config", stored.path()}));
            break;
        }
        case 2: check_kvload(words_in(held.text(), "kvload")); break;
        default: check_address(held.text()); break;
    }
}

std::vector<fuzz::seed> options_seeds() {
    const auto input = [](fuzz::u8 how, std::string_view text) {
        fuzz::bytes made{std::byte(how)};
        fuzz::append(made, raftkit::as_bytes(text));
        return made;
    };
    return {
        {"kvd_words", input(0,
                            "--id\n1\n--cluster=1=127.0.0.1:7101,2=[::1]:7102\n--client\n"
                            "127.0.0.1:6101\n--data=/d\n--follower\nstale")},
        {"kvd_times", input(0,
                            "--id=2\n--cluster=2=127.0.0.1:7101\n--client=localhost:6101\n"
                            "--data=d\n--election-ms=150-300\n--heartbeat-ms=30\n"
                            "--request-ms=900\n--client-peers=2=127.0.0.1:6101\n"
                            "--listen=:7101")},
        {"kvd_help", input(0, "--help")},
        {"kvd_file", input(1,
                           "# a node\nid = 3\ncluster=3=127.0.0.1:7103\n\n"
                           "client =127.0.0.1:6103\ndata = /var/lib/kvd \nmax-memory = 1000\n"
                           "trailing = 5\nsnapshot-entries=0\nsegment-bytes = 16384\n"
                           "value-bytes-max=1\ncluster-name = mine\n")},
        {"kvload_write", input(2,
                               "--nodes\n127.0.0.1:6101,[::1]:6102\n--seconds\n5\n--clients\n8\n"
                               "--prefix\np\n--value-bytes\n64\n--acknowledged\nfile")},
        {"kvload_verify", input(2, "--nodes\n127.0.0.1:6101\n--verify\nfile\n--patience\n9")},
        {"address_v4", input(3, "127.0.0.1:7101")},
        {"address_v6", input(3, "[2001:db8::1]:65535")}};
}

}  // namespace

extern const fuzz::target options_target;
const fuzz::target options_target{"options", run_options, nullptr, options_seeds};
