// One member of a durable cluster of cowsql's C-Raft (apt: libraft-dev), with the client of the
// bench on its loop: libuv, its own segments on disk, TCP, snapshots off. Options as it ships.

#include <uv.h>

#include <cstddef>
#include <cstdio>

extern "C" {
#include <raft.h>
#include <raft/uv.h>
}

#include <memory>

#include "support/cowsql_member.hpp"

namespace bench::cowsql {

namespace {

class member_loop {
public:
    explicit member_loop(seat& mine) : mine_(mine) {}
    void run() {
        uv_loop_init(&loop_);
        machine_.version = 1;
        machine_.apply = [](raft_fsm*, const raft_buffer*, void** reply) {
            *reply = nullptr;
            return 0;
        };
        machine_.snapshot = [](raft_fsm*, raft_buffer**, unsigned*) { return RAFT_NOMEM; };
        machine_.restore = [](raft_fsm*, raft_buffer*) { return RAFT_CORRUPT; };
        const std::string address = mine_.address(mine_.id);
        check(raft_uv_tcp_init(&wire_, &loop_));
        check(raft_uv_init(&io_, &loop_, mine_.directory.c_str(), &wire_));
        check(raft_init(&raft_, &io_, &machine_, mine_.id, address.c_str()));
        raft_configuration members;
        raft_configuration_init(&members);
        for (unsigned id = 1; id <= 3; ++id)
            check(raft_configuration_add(&members, id, mine_.address(id).c_str(), RAFT_VOTER));
        check(raft_bootstrap(&raft_, &members));
        raft_configuration_close(&members);
        raft_set_snapshot_threshold(&raft_, ~0u);
        raft_set_pre_vote(&raft_, true);
        check(raft_start(&raft_));
        watch();
        uv_run(&loop_, UV_RUN_DEFAULT);
    }

private:
    struct slot {
        struct raft_apply request {};
        member_loop* of = nullptr;
        std::uint32_t number = 0;
    };

    void check(int code) const {
        if (code == 0) return;
        std::fprintf(stderr, "cowsql %u: %s\n", mine_.id, raft_.errmsg);
        _exit(1);
    }
    void watch() {
        uv_poll_init(&loop_, &orders_, mine_.orders);
        orders_.data = this;
        uv_poll_start(&orders_, UV_READABLE, [](uv_poll_t* who, int, int) {
            static_cast<member_loop*>(who->data)->take_order();
        });
        uv_timer_init(&loop_, &looks_);
        looks_.data = this;
        const auto look = [](uv_timer_t* who) {
            member_loop& mine = *static_cast<member_loop*>(who->data);
            mine.mine_.leads->store(raft_state(&mine.raft_) == RAFT_LEADER);
        };
        uv_timer_start(&looks_, look, 50, 50);
    }
    void take_order() {
        order wanted;
        if (!mine_.take(wanted)) _exit(0);
        client_.begin(wanted, now_ns());
        slots_ = std::vector<slot>(wanted.in_flight);
        for (std::uint32_t k = 0; k < wanted.in_flight; ++k) {
            slots_[k].of = this;
            slots_[k].number = k;
            propose(slots_[k]);
        }
    }
    void propose(slot& one) {
        raft_buffer command;
        command.len = command_bytes;
        command.base = raft_malloc(command_bytes);
        std::memset(command.base, 0, command_bytes);
        std::memcpy(command.base, &one.number, sizeof one.number);
        one.request.data = &one;
        client_.proposed(one.number, now_ns());
        const auto end = [](struct raft_apply* request, int status, void*) {
            slot& mine = *static_cast<slot*>(request->data);
            mine.of->ended(mine, status == 0);
        };
        const int refused = raft_apply(&raft_, &one.request, &command, 1, end);
        if (refused == 0) return;
        raft_free(command.base);
        ended(one, false);
    }
    void ended(slot& one, bool good) {
        if (client_.ended(one.number, good, now_ns())) return propose(one);
        if (client_.over()) mine_.answer(client_.result());
    }

    seat& mine_;
    uv_loop_t loop_{};
    uv_poll_t orders_{};
    uv_timer_t looks_{};
    raft_uv_transport wire_{};
    raft_io io_{};
    raft_fsm machine_{};
    struct raft raft_ {};
    load client_;
    std::vector<slot> slots_;
};

}  // namespace

void member(seat& mine) {
    const auto here = std::make_unique<member_loop>(mine);
    here->run();
}

}  // namespace bench::cowsql
