// Conformance of state machines: the kit's own pass, each check can fail. S004-26, S004-27

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>

#include <raftkit/node/simple_machine.hpp>
#include <raftkit/snapshot/capture/copy.hpp>
#include <raftkit/snapshot/capture/map_image.hpp>
#include <raftkit/testing/conform/state_machine.hpp>
#include <raftkit/testing/machine/register_map.hpp>

#include <support/conform_checks.hpp>

using namespace raftkit;
using conform::byte_string;
using conform_support::each_check;

namespace {

byte_string bytes_of(const std::string& text) {
    const byte_span bytes = as_bytes(text);
    return {bytes.begin(), bytes.end()};
}

struct register_places {
    testing::register_map fresh() { return testing::register_map(); }
    byte_string command(u64 n) {
        return testing::register_command(testing::register_op::add, static_cast<u32>(n % 17), n);
    }
};

// Machines on plain values: with a copy that is text, and with one that is not.
struct words {
    std::string all;
    std::string apply(std::string_view word) { return all += word; }
    std::string snapshot() const { return all; }
    void restore(std::string&& copy) { all = std::move(copy); }
};
struct counters {
    std::map<char, u64> counts;
    u64 apply(std::string_view which) { return ++counts[which.back()]; }
    std::map<char, u64> snapshot() const { return counts; }
    void restore(std::map<char, u64>&& copy) { counts = std::move(copy); }
    static result<void> write(const std::map<char, u64>& copy, byte_sink& sink) {
        for (const auto& [name, count] : copy) {
            sink.write(std::string_view(&name, 1));
            sink.write(std::as_bytes(std::span(&count, 1)));
        }
        return {};
    }
    static result<std::map<char, u64>> read(byte_source& source) {
        std::map<char, u64> made;
        while (source.left() != 0) {
            const char name = static_cast<char>(source.read(1)[0]);
            made[name] = load_le<u64>(source.read(8).data());
        }
        return made;
    }
};
template <class Machine>
struct simple_places {
    simple_adapter<Machine> fresh() { return simple_adapter<Machine>(); }
    byte_string command(u64 n) { return bytes_of("word " + std::to_string(n)); }
};

// The kit's captures in the smallest machines that use them.
struct map_machine {
    persistent_map values{7};
    void apply(command_range batch, reply_sink& out) {
        for (const command& each : batch) {
            const std::string key = "key" + std::to_string(each.body.size() * 7 % 64);
            const bool fresh = values.insert(key, each.body);
            out.reply(each.at.index, as_bytes(fresh ? "new" : "known"));
        }
    }
    result<persistent_map_image> capture() noexcept { return values.capture(); }
    result<persistent_map_restore> restore(const snapshot_meta&) {
        return persistent_map_restore(values);
    }
};
struct map_places {
    map_machine fresh() { return map_machine(); }
    byte_string command(u64 n) { return byte_string(n % 300, static_cast<std::byte>(n)); }
    u64 fingerprint(const map_machine& of) { return of.values.digest()[0]; }
};
struct copying_machine {
    std::string text;
    result<void> apply(const command& each, reply_sink&) {
        text += as_text(each.body);
        return {};
    }
    result<copy_image<std::string>> capture() { return copy_image(text); }
    result<copy_restore<std::string>> restore(const snapshot_meta&) { return copy_restore(text); }
};
struct copying_places {
    copying_machine fresh() { return copying_machine(); }
    byte_string command(u64 n) { return bytes_of(std::to_string(n) + " "); }
};

enum class defect {
    none,
    idle_commands,
    random_state,
    random_replies,
    refuses_apply,
    ignores_the_last,
    answers_late,
    answers_for_others,
    capture_counts,
    capture_fails,
    image_is_live_until_read,
    image_is_live,
    images_share_a_place,
    image_needs_room,
    image_of_one_thread,
    restore_fails,
    restore_adds,
    restore_needs_whole_numbers,
    restore_keeps_for_nothing,
    restore_at_once,
    restore_stops_applies,
    restore_when_dropped,
    restore_of_one_thread,
    restored_has_no_image,
    forgets_the_sum,
    durable_ahead,
    image_ahead,
};

// Registers, a sum of what was ever written, and the place. The sum shows in replies alone.
class crooked {
    struct state {
        std::map<u32, u64> values;
        u64 sum = 0;
        log_id at;
        bool restored = false;
    };

public:
    class image {
    public:
        image(const crooked& of, defect how)
            : live_(&of), how_(how), then_(of.state_), owner_(std::this_thread::get_id()) {}
        log_id at() const noexcept {
            const u64 ahead = how_ == defect::image_ahead ? 1 : 0;
            return {{then_.at.index.value + ahead}, then_.at.term};
        }
        section_meta section() const {
            section_meta made;
            made.name = part_ == 0 ? "values" : "sum";
            return made;
        }
        result<image_step> next(std::span<std::byte> chunk) {
            if (how_ == defect::image_of_one_thread && owner_ != std::this_thread::get_id())
                return error{errc::io, 0, "another thread"};
            if (how_ == defect::image_is_live ||
                (how_ == defect::image_is_live_until_read && fresh_))
                then_ = live_->state_;
            fresh_ = false;
            const byte_string all = encode(then_, part_, how_);
            std::size_t& place = how_ == defect::images_share_a_place ? shared_place() : place_;
            if (how_ == defect::image_needs_room && chunk.size() < 8) place = all.size();
            place = std::min(place, all.size());
            const std::size_t count = std::min(chunk.size(), all.size() - place);
            if (count != 0) std::memcpy(chunk.data(), all.data() + place, count);
            place += count;
            if (place < all.size()) return image_step{static_cast<u32>(count), false, false};
            place = 0;
            return image_step{static_cast<u32>(count), true, ++part_ == 2};
        }

    private:
        static std::size_t& shared_place() {
            static std::size_t place = 0;
            return place;
        }
        const crooked* live_;
        defect how_;
        state then_;
        std::thread::id owner_;
        std::size_t place_ = 0;
        u32 part_ = 0;
        bool fresh_ = true;
    };

    class writer {
    public:
        writer(crooked& into, defect how)
            : into_(&into), how_(how), owner_(std::this_thread::get_id()) {
            into.writers_ = 1;
        }
        writer(writer&& other) noexcept { *this = std::move(other); }
        writer& operator=(writer&& other) noexcept {
            into_ = std::exchange(other.into_, nullptr);
            how_ = other.how_;
            owner_ = other.owner_;
            bytes_ = std::move(other.bytes_);
            return *this;
        }
        ~writer() {
            if (into_ == nullptr) return;
            if (how_ == defect::restore_when_dropped && bytes_[1].size() == 8) commit();
            if (into_ != nullptr) into_->writers_ = 0;
        }
        result<void> write(const chunk& part) {
            if (how_ == defect::restore_of_one_thread && owner_ != std::this_thread::get_id())
                return error{errc::io, 0, "another thread"};
            const byte_span bytes = part.bytes.bytes();
            if (how_ == defect::restore_needs_whole_numbers && bytes.size() % 4 != 0) return {};
            bytes_[part.section].insert(bytes_[part.section].end(), bytes.begin(), bytes.end());
            if (part.end && how_ == defect::restore_at_once) into_->state_ = decode(bytes_);
            return {};
        }
        void commit() noexcept {
            state next = decode(bytes_);
            next.restored = true;
            if (how_ == defect::restore_keeps_for_nothing && next.values.empty())
                next = into_->state_;
            if (how_ == defect::restore_adds) next.values.merge(into_->state_.values);
            into_->state_ = std::move(next);
            into_->writers_ = 0;
            into_ = nullptr;
        }

    private:
        crooked* into_ = nullptr;
        defect how_{};
        std::thread::id owner_;
        std::array<byte_string, 2> bytes_;
    };

    explicit crooked(defect how) : how_(how) {}

    result<void> apply(command_range batch, reply_sink& out) {
        std::vector<command> all;
        for (const command& each : batch) all.push_back(each);
        if (how_ == defect::ignores_the_last && all.size() > 1) all.pop_back();
        if (how_ == defect::answers_late) std::reverse(all.begin(), all.end());
        if (how_ == defect::restore_stops_applies && writers_ != 0) all.clear();
        for (const command& each : all) apply_one(each, out);
        if (!all.empty()) state_.at = all.back().at;
        if (how_ == defect::answers_late && !all.empty()) state_.at = all.front().at;
        if (how_ == defect::refuses_apply) return error{errc::io, 0, "no"};
        return {};
    }
    result<image> capture() {
        if (how_ == defect::capture_fails) return error{errc::io, 0, "no"};
        if (how_ == defect::capture_counts) ++state_.sum;
        return image(*this, how_);
    }
    result<writer> restore(const snapshot_meta&) {
        if (how_ == defect::restore_fails) return error{errc::io, 0, "no"};
        return writer(*this, how_);
    }
    log_id durable_index() const noexcept {
        return how_ == defect::durable_ahead ? log_id{state_.at.index.next(), {1}} : state_.at;
    }
    u64 fingerprint() const {
        u64 print = state_.at.index.value;
        for (const auto& [key, value] : state_.values)
            print = testing::chained(testing::chained(print, key), value);
        return print;
    }

private:
    void apply_one(const command& each, reply_sink& out) {
        static u64 counted = 0;
        if (how_ == defect::idle_commands) return;
        const u64 word = load_le<u64>(each.body.data());
        u64& value = state_.values[static_cast<u32>(each.at.index.value % 211)];
        value += word + (how_ == defect::random_state ? ++counted : 0);
        state_.sum += value;
        const u64 reply = state_.sum + (how_ == defect::random_replies ? ++counted : 0);
        const u64 foreign = how_ == defect::answers_for_others ? 1000 : 0;
        out.reply({each.at.index.value + foreign}, std::as_bytes(std::span(&reply, 1)));
    }
    static byte_string encode(const state& of, u32 part, defect how) {
        byte_string made(part == 0 ? 8 + of.values.size() * 12 : 8);
        byte_writer out(made);
        out.put_u64(part == 0 ? of.at.index.value : how == defect::forgets_the_sum ? 0 : of.sum);
        if (part != 0) return made;
        if (how == defect::restored_has_no_image && of.restored) return byte_string(8);
        for (const auto& [key, value] : of.values) {
            out.put_u32(key);
            out.put_u64(value);
        }
        return made;
    }
    static state decode(const std::array<byte_string, 2>& from) {
        state made;
        byte_reader in(from[0]), rest(from[1]);
        made.at = {{in.take_u64()}, {1}};
        while (in.left() >= 12) {
            const u32 key = in.take_u32();
            made.values[key] = in.take_u64();
        }
        made.sum = rest.take_u64();
        return made;
    }

    defect how_;
    state state_;
    int writers_ = 0;
};
static_assert(state_machine<crooked> && batch_machine<crooked> && durable_machine<crooked>);
static_assert(sectioned_image<crooked::image> && positioned_image<crooked::image>);

struct crooked_places {
    defect how;
    crooked fresh() { return crooked(how); }
    byte_string command(u64 n) {
        byte_string made(8);
        store_le(made.data(), n * n);
        return made;
    }
    u64 fingerprint(const crooked& of) {
        return how == defect::idle_commands ? 0 : of.fingerprint();
    }
};

constexpr conform_support::defect_case<defect> crooked_cases[] = {
    {defect::idle_commands, "is given commands that do nothing",
     "the suite's commands change the state"},
    {defect::random_state, "is not deterministic", "the same commands give the same state"},
    {defect::random_replies, "answers at random", "the same commands give the same replies"},
    {defect::refuses_apply, "refuses commands", "apply succeeds"},
    {defect::ignores_the_last, "ignores an entry of a range",
     "the cut of ranges does not matter to the state"},
    {defect::ignores_the_last, "ignores an entry of a range",
     "the cut of ranges does not matter to the replies"},
    {defect::answers_late, "answers out of order",
     "replies come in the order of their entries, one each"},
    {defect::answers_for_others, "answers for entries that it was not given",
     "replies are for entries of the range"},
    {defect::capture_counts, "changes at a capture", "captures change nothing, read or dropped"},
    {defect::capture_fails, "captures nothing", "capture() succeeds"},
    {defect::image_is_live_until_read, "has images that see later writes",
     "an image is what the machine was at its capture"},
    {defect::image_is_live, "has images that change while they are read",
     "an image stays what it is while it is read"},
    {defect::images_share_a_place, "has images that share a cursor",
     "images know nothing of each other"},
    {defect::image_needs_room, "loses what does not fit a chunk",
     "an image fills chunks of any size"},
    {defect::image_of_one_thread, "has images of one thread",
     "an image may be read and destroyed in another thread"},
    {defect::restore_fails, "can't restore", "restore() succeeds"},
    {defect::restore_fails, "can't restore",
     "a snapshot is restored into a machine at its beginning"},
    {defect::restore_adds, "adds to the old state", "a restore replaces the whole state"},
    {defect::restore_adds, "adds what was applied beside it",
     "commit() swaps, whatever was applied beside the restore"},
    {defect::restore_needs_whole_numbers, "takes whole numbers only",
     "a restore takes chunks of any size"},
    {defect::restore_keeps_for_nothing, "keeps the old state for an empty one",
     "a machine at its beginning is restored as such"},
    {defect::restore_at_once, "is changed before commit()",
     "a machine is left alone until commit()"},
    {defect::restore_stops_applies, "ignores what is applied beside a restore",
     "applies go on beside a restore"},
    {defect::restore_when_dropped, "is changed by a writer that is dropped",
     "a writer that is dropped leaves the machine as it was"},
    {defect::restore_of_one_thread, "is filled in one thread only",
     "a restore writer may be filled in another thread"},
    {defect::restored_has_no_image, "has no image after a restore",
     "the snapshot of a restored machine restores the same"},
    {defect::forgets_the_sum, "leaves something out of the image",
     "a restored machine gives the same replies"},
    {defect::random_state, "is not deterministic", "a restored machine goes on to the same state"},
    {defect::durable_ahead, "says that more is durable than was applied",
     "durable_index() is not ahead of what was applied"},
    {defect::image_ahead, "says that an image is of a later entry",
     "an image is not of a later entry than was applied"},
};

}  // namespace

TEST_CASE("the machine of the simulator conforms") {
    conform::check_state_machine(register_places{}, each_check);
}
TEST_CASE("machines on plain values conform") {
    conform::check_state_machine(simple_places<words>{}, each_check);
    conform::check_state_machine(simple_places<counters>{}, each_check);
}
TEST_CASE("a machine on a persistent map conforms") {
    conform::check_state_machine(map_places{}, each_check);
}
TEST_CASE("a machine with an image that is a copy conforms") {
    conform::check_state_machine(copying_places{}, each_check);
}

TEST_CASE("what is wrong about a state machine is caught by name") {
    conform_support::check_each_is_caught(crooked_cases, [](defect how, auto& report) {
        conform::check_state_machine(crooked_places{how}, report);
    });
}
