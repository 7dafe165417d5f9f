// A durable list of words. One node: `hello`. Three: `hello 1 host:port host:port host:port`, and 2
// and 3 likewise.
#include <iostream>
#include <raftkit/open.hpp>

struct words {
    std::string all;
    std::string apply(std::string_view word) { return all += std::string(word) + " "; }
    std::string snapshot() const { return all; }
    void restore(std::string&& copy) { all = std::move(copy); }
};

int main(int count, char** values) {
    raftkit::open_options options;
    options.node.who.self = {count > 1 ? std::strtoull(values[1], nullptr, 10) : 1};
    options.directory = "hello-" + std::to_string(options.node.who.self.value);
    for (int i = 2; i < count; ++i) options.addresses.push_back({{raftkit::u64(i - 1)}, values[i]});
    if (options.addresses.empty()) options.addresses = {{{1}, "127.0.0.1:7001"}};
    auto node = raftkit::open<words>(std::move(options));
    if (!node) return std::cerr << node.why().where << '\n', 1;
    for (std::string line; std::getline(std::cin, line);) {
        auto reply = node->call(line, raftkit::seconds(5));
        std::cout << (reply ? *reply : name_of(reply.why().code)) << std::endl;
    }
}
