#include <raftkit/base/error.hpp>
#include <raftkit/base/result.hpp>

raftkit::result<int> half(int number) {
    if (number % 2 != 0) return raftkit::error{raftkit::errc::invalid_option};
    return number / 2;
}
