#pragma once
// One member of a durable cluster of cowsql's C-Raft; in a file of its own, because it is optional.

#include "support/trio.hpp"

namespace bench::cowsql {

void member(seat& mine);

}  // namespace bench::cowsql
