#pragma once
// Bodies of testing/sim/seat.hpp: what becomes of a node whose disk fails it, and what it is owed
// to do. Included by it.
//
//   an error of a call      the node goes on, or ends with io or no_space and comes back
//   damage at rest          it refuses to start, with the name of a file, and stays down; or it
//                           starts, and then nothing of what it had acknowledged is missing
//
// What nobody did to it excuses nothing.

#include <raftkit/testing/sim/seat.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

inline void sim_seat::disturb(const disk_action& what, duration down_for) {
    if (!up()) return;
    const std::string said = testing::perform(disk_, what);
    if (said.empty()) return;
    disturbed_ = true;
    troubled_for_ = down_for;
    if (in_->log.in_words()) in_->say(id_, "disk: " + said);
}

// The residual of recovery's table, the last group when power went before its mark, is not what
// this is about: so the log is opened, which proves all of it, and nothing is written before the
// damage.
inline void sim_seat::damage(const disk_action& what) {
    if (up()) kill(death::process, for_good);
    disk_.clear_faults();
    disk_.set_capacity(sim_disk::unlimited);
    start();
    if (!up() || !in_->ok()) return;
    kill(death::power, for_good);
    const std::string said = testing::perform(disk_, what);
    damaged_ = damaged_ || !said.empty();
    if (in_->log.in_words() && !said.empty()) in_->say(id_, "disk: " + said);
    if (what.what == disk_fault::wiped) {
        lost_ = true;  // who comes back empty is another one, under another identity
        return;
    }
    start();
}

inline void sim_seat::mend() {
    disk_.clear_faults();
    disk_.set_capacity(sim_disk::unlimited);
    disturbed_ = false;
}

// An error of a call excuses an end that says so.
inline bool sim_seat::excused(error why) const noexcept {
    return disturbed_ && (why.code == errc::io || why.code == errc::no_space);
}

inline void sim_seat::refused(error why) {
    if (excused(why)) return kill(death::power, troubled_for_);
    // Which file: of the damage that was found, or the call that failed.
    const bool told = why.code == errc::corrupt || why.code == errc::io;
    const std::string file =
        node_->found() != nullptr ? node_->found()->file : std::string(why.where);
    if (damaged_ && told && !file.empty()) {
        lost_ = true;
        if (in_->log.in_words()) in_->say(id_, "refuses to start: " + file);
        return kill(death::process, for_good);
    }
    in_->fail(id_, std::string("does not open: ") + name_of(why.code) + " in " + why.where + " " +
                       std::to_string(why.detail));
}

inline void sim_seat::stopped(error why) {
    if (excused(why)) return kill(death::power, troubled_for_);
    if (damaged_ && (why.code == errc::corrupt || why.code == errc::io)) {
        lost_ = true;
        if (in_->log.in_words()) in_->say(id_, std::string("stops for good: ") + why.where);
        return kill(death::process, for_good);
    }
    in_->fail(id_, "stopped by itself: " + std::string(why.where));
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
