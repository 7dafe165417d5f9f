// SNAPSHOT and RAFT TRANSFER: operations of the node with results of their own, answered through a
// request, so that their replies keep their place.

#include <memory>

#include "session.hpp"

namespace kvd {

namespace {

// Node operations with results of their own, answered through a request.
struct snapshot_request : raftkit::snapshot_ticket {
    request* of = nullptr;
};
struct transfer_request : raftkit::leadership_transfer {
    request* of = nullptr;
};

void answer_by(request& one, raftkit::error why, const std::string& reply) {
    one.finish(one, why, raftkit::as_bytes(reply));
}

}  // namespace

void session::begin_snapshot() {
    auto* asked = new snapshot_request;
    asked->of = &add_request(request::what_for::snapshot);
    asked->finish = [](raftkit::operation& self, raftkit::error why, raftkit::byte_span) noexcept {
        const std::unique_ptr<snapshot_request> done(static_cast<snapshot_request*>(&self));
        // Nothing to save yet is an answer: the old index, 0 without any.
        if (done->nothing_new || why.code == raftkit::errc::no_snapshot) why = {};
        answer_by(*done->of, why, ":" + std::to_string(done->id.at.index.value) + "\r\n");
    };
    server_->snapshot(*asked);
}

void session::begin_transfer(raftkit::node_id to) {
    auto* asked = new transfer_request;
    asked->of = &add_request(request::what_for::transfer);
    asked->to = to;
    asked->deadline = server_->deadline();
    asked->finish = [](raftkit::operation& self, raftkit::error why, raftkit::byte_span) noexcept {
        const std::unique_ptr<transfer_request> done(static_cast<transfer_request*>(&self));
        answer_by(*done->of, why, "+OK\r\n");
    };
    server_->transfer(*asked);
}

}  // namespace kvd
