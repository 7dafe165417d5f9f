// recovery.md §5: the kit's own class over every schedule within the bounds, and the variants of
// the table, which must fail.

#include "stable_watermark_model.hpp"
#include "verdicts.hpp"

#include <doctest/doctest.h>

#include <deque>

using namespace models;
using raftkit::index_t;
using raftkit::ticket;

namespace {

enum class rule_off { none, clamp, reset_clamps_to_zero, base_waits_for_its_ticket };

// The class once more, with one rule off. With none off it must pass as the kit's does: otherwise
// a variant could fail for another reason than its rule.
template <rule_off Off>
class variant {
public:
    static variant from(const watermark_view& view) {
        variant made;
        made.stable_ = index_t{view.stable};
        for (u8 at = 1; at <= view.open; ++at) {
            made.open_.push_back({made.issued_ = ticket{at}, index_t{view.covers[at - 1u]}});
        }
        made.reset_ = ticket{view.reset};
        return made;
    }

    index_t stable() const { return stable_; }
    bool reset_open() const { return reset_ > completed_; }
    ticket completed() const { return completed_; }
    ticket issued() const { return issued_; }

    void issue(index_t last) {
        issued_ = issued_.next();
        open_.push_back({issued_, last});
    }
    bool complete(ticket upto) {
        const ticket before = completed_;
        completed_ = std::max(before, std::min(upto, issued_));
        for (; !open_.empty() && open_.front().first <= completed_; open_.pop_front()) {
            stable_ = std::max(stable_, open_.front().second);
        }
        return completed_ > before;
    }
    void truncate(index_t from) {
        if (Off != rule_off::clamp) clamp(from.previous());
        stable_ = std::min(stable_, from.previous());
    }
    void reset_to(index_t base) {
        if (Off != rule_off::clamp) {
            clamp(Off == rule_off::reset_clamps_to_zero ? base : index_t{});
        }
        stable_ = Off == rule_off::base_waits_for_its_ticket ? base : index_t{};
        if (Off != rule_off::base_waits_for_its_ticket) reset_ = issued_.next();
    }

private:
    void clamp(index_t to) {
        for (auto& each : open_) each.second = std::min(each.second, to);
        stable_ = std::min(stable_, to);
    }

    index_t stable_;
    ticket issued_, completed_, reset_;
    std::deque<std::pair<ticket, index_t>> open_;
};

watermark_bounds bounds() {
    watermark_bounds wide;
    if (scale() > 1) wide.last_max = wide.open_max = 4;
    return wide;
}

}  // namespace

TEST_CASE("the kit's stable watermark proves nothing that is not durable, in any schedule") {
    must_hold(watermark_model<raftkit::core::stable_watermark>(bounds()), 250'000);
}

TEST_CASE("the variants' own class, with every rule on, holds as the kit's does") {
    must_hold(watermark_model<variant<rule_off::none>>(bounds()), 250'000);
}

TEST_CASE("a truncation that leaves open tickets alone proves entries that were never written") {
    must_break(watermark_model<variant<rule_off::clamp>>(bounds()),
               "stable covers only what is durable with its own content");
}

TEST_CASE("a reset that clamps to its own index is proved by an older ticket") {
    must_break(watermark_model<variant<rule_off::reset_clamps_to_zero>>(bounds()),
               "stable covers only what is durable with its own content");
}

TEST_CASE("a base that is stable at once is not on the disk") {
    must_break(watermark_model<variant<rule_off::base_waits_for_its_ticket>>(bounds()),
               "a reset is open until its own ticket");
}

TEST_CASE("a run that repeats entries and truncates first takes back what was acknowledged") {
    must_break(watermark_model<raftkit::core::stable_watermark>(bounds(), false),
               "what was acknowledged stays stable while the log has it");
}
