#pragma once
// The simulator's clock and only source of order: a heap of tasks by virtual time. Tasks of the
// same instant run in an order drawn from the seed, never in the order in which they were added,
// because code that depends on that order is right by accident (known bug 38). The same seed gives
// the same run on every machine.
//
//      at(when, group, f) ->  [ heap by (when, drawn tie) ]  -> step(): now = when, f()
//                                    ^ drop(group): a crash takes the tasks of one life with it

#include <algorithm>
#include <utility>
#include <vector>

#include <raftkit/base/instant.hpp>
#include <raftkit/base/prng.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

class scheduler {
public:
    explicit scheduler(u64 seed) noexcept : dice_(seed) {}
    scheduler(scheduler&&) = delete;
    ~scheduler() {
        for (task* each : tasks_) each->destroy(each);
    }

    instant now() const noexcept { return now_; }
    std::size_t waiting() const noexcept { return tasks_.size(); }
    u64 steps() const noexcept { return steps_; }

    // `group` names what the task belongs to, for drop(); 0 belongs to nobody. A time in the past
    // means now.
    template <class Run>
    void at(instant when, u64 group, Run run) {
        auto* made = new task_of<Run>(std::move(run));
        made->when = when < now_ ? now_ : when;
        made->tie = dice_.next();
        made->group = group;
        tasks_.push_back(made);
        std::push_heap(tasks_.begin(), tasks_.end(), later);
    }
    template <class Run>
    void after(duration delay, u64 group, Run run) {
        at(now_ + delay, group, std::move(run));
    }

    // Forgets every waiting task of the group. O(waiting).
    void drop(u64 group) noexcept {
        const auto gone = std::partition(tasks_.begin(), tasks_.end(), [group](const task* each) {
            return each->group != group;
        });
        for (auto each = gone; each != tasks_.end(); ++each) (*each)->destroy(*each);
        tasks_.erase(gone, tasks_.end());
        std::make_heap(tasks_.begin(), tasks_.end(), later);
    }

    // Runs the earliest task. False if there is none.
    bool step() {
        if (tasks_.empty()) return false;
        std::pop_heap(tasks_.begin(), tasks_.end(), later);
        task* next = tasks_.back();
        tasks_.pop_back();
        RAFTKIT_ASSERT(next->when >= now_);
        now_ = next->when;
        ++steps_;
        next->call(*next);
        next->destroy(next);
        return true;
    }
    // Runs everything that is due at or before `until`, then moves the clock there.
    void run_until(instant until) {
        while (!tasks_.empty() && tasks_.front()->when <= until) step();
        now_ = until < now_ ? now_ : until;
    }
    instant next_at() const noexcept { return tasks_.empty() ? never : tasks_.front()->when; }

private:
    struct task {
        void (*call)(task&) = nullptr;
        void (*destroy)(task*) noexcept = nullptr;
        instant when;
        u64 tie = 0, group = 0;
    };
    template <class Run>
    struct task_of : task {
        explicit task_of(Run&& body) : run(std::move(body)) {
            this->call = [](task& self) { static_cast<task_of&>(self).run(); };
            this->destroy = [](task* self) noexcept { delete static_cast<task_of*>(self); };
        }
        Run run;
    };
    static bool later(const task* a, const task* b) noexcept {
        return a->when != b->when ? a->when > b->when : a->tie > b->tie;
    }

    prng dice_;
    instant now_;
    u64 steps_ = 0;
    std::vector<task*> tasks_;
};

}  // namespace testing

RAFTKIT_NAMESPACE_END
