#pragma once
// The nemesis: what is done to a simulated cluster, and when. A plan is data, a list of timed
// actions drawn from the seed before the run begins; while it runs, no fault draws anything. So a
// plan can be printed, written by hand, and made smaller: without one action the others are what
// they were, and up to the moment where it would have struck the run is the same.
//
//   swarm (rates) ── draw_faults ──▶ fault_plan{actions, dropped} ──▶ cluster::perform, one by one
//                         │                    ▲
//                         └ admit(): what a correct system could not survive is left out, in words
//
// To add a kind: its struct and its place in fault_kind (nemesis/actions.hpp), an objection() there
// if it can destroy, its words (nemesis/words.hpp), how it is drawn (nemesis/draw.hpp), and its
// cluster::perform (cluster/perform.hpp).

#include <raftkit/testing/sim/nemesis/draw.hpp>
