// What any user does first: include, use, print the version.
#include <raftkit/raftkit.hpp>

#include <cstdio>

raftkit::result<int> half(int number);  // in other.cpp: the type must be the same there

int main() {
    const auto four = half(8);
    const auto odd = half(7);
    std::puts(RAFTKIT_VERSION_STRING);
    return four && *four == 4 && !odd ? 0 : 1;
}
