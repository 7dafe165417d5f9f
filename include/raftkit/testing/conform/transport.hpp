#pragma once
// What every Transport must do, checkable for any transport and any test framework. The caller
// brings places:
//
//   struct places {
//       transport& make(node_id self);  // not open; attached, if it wants a poller. It lives until
//                                       // clear(), or until its id is made again
//       std::string address(node_id);   // once it is open: where the others find it
//       void wait();                    // a turn of the poller, a moment for a thread, or nothing
//       void clear();                   // all transports end
//       u64 lane_bytes_max();           // optional: the most that a lane holds for a peer that
//       does
//   };                                  // not listen, with what the system holds
//   conform::check_transport(places, [](const char* name, bool ok, const char* why) { ... });
//
// One check, one sentence, one reason to fail; `why` says what was seen. A transport may lose,
// repeat and reorder, so what must arrive is sent again until it does, and given up after 2,000
// turns.

#include <memory>

#include <raftkit/io/clock.hpp>
#include <raftkit/testing/conform/transport/user.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace conform {

template <class Places, class Report>
class transport_checks {
public:
    transport_checks(Places& places, Report& report) : places_(places), report_(report) {}

    void run_all() {
        const bool open = gather();
        say("open() succeeds", open, "it failed, and nothing else was tried");
        if (!open) return clear();
        messages_find_their_peer();
        every_kind_arrives();
        large_messages_arrive();
        nothing_lent_is_read_later();
        what_came_may_be_kept();
        if constexpr (requires { places_.lane_bytes_max(); }) {
            a_deaf_peer_costs_little();
            lanes_are_two();
        }
        close_is_the_end();
        a_peer_comes_back();
        strangers_are_not_heard();
        clear();
    }

private:
    using transport = std::remove_reference_t<decltype(std::declval<Places&>().make(node_id{}))>;
    using seat = mail_seat<transport>;
    static constexpr node_id a{1}, b{2}, c{3};
    static constexpr int turns_max = 2000;
    static constexpr u32 flood_bytes = 60'000;

    void say(const char* name, bool ok, const char* why) { report_(name, ok, ok ? "" : why); }

    // ---- a small cluster ------------------------------------------------------------------------
    void clear() {
        seats_.clear();
        places_.clear();
        lent_.clear();
    }
    // A transport that borrows too long must be seen to, not crash the suite: what was sent lives
    // as long as who may have it.
    own_message& lend(own_message&& what) { return lent_.emplace_back(std::move(what)); }
    seat& at(node_id id) { return *seats_[static_cast<std::size_t>(id.value - 1)]; }
    bool sit_down(node_id id, u64 cluster = 1, u64 group = 1) {
        const auto place = static_cast<std::size_t>(id.value - 1);
        if (seats_.size() <= place) seats_.resize(place + 1);
        seats_[place] = nullptr;
        const identity who{cluster, group, id, (100 + id.value) << 16};
        seats_[place] = std::make_unique<seat>(places_.make(id), who);
        return bool(seats_[place]->open());
    }
    // Tells everyone where the others are, as a configuration does.
    void introduce_all() {
        configuration all;
        all.index = {1};
        for (const auto& each : seats_) {
            const node_id id = each->who().self;
            all.members.push_back(
                {id, member_role::voter, member_role::none, 0, places_.address(id)});
        }
        for (const auto& each : seats_) each->members(all);
    }
    bool gather(u64 stranger_cluster = 1, u64 stranger_group = 1) {
        clear();
        const bool open =
            sit_down(a) && sit_down(b) && sit_down(c, stranger_cluster, stranger_group);
        if (open) introduce_all();
        return open;
    }
    void turn(int count = 1) {
        for (int i = 0; i < count; ++i) {
            places_.wait();
            for (const auto& each : seats_) {
                if (!each->deaf) each->listen();
            }
        }
    }
    // Sends it again and again until it came once more.
    bool arrives(const own_message& what, node_id from, node_id to) {
        const std::string words = what.words();
        const std::size_t before = at(to).heard(words);
        for (int i = 0; i < turns_max; ++i) {
            if (i % 10 == 0) at(from).send(what, to);
            turn();
            if (at(to).heard(words) > before) return true;
        }
        return false;
    }

    bool arrives(own_message&& what, node_id from, node_id to) {
        return arrives(lend(std::move(what)), from, to);
    }

    // ---- who hears what -------------------------------------------------------------------------
    void messages_find_their_peer() {
        bool arrived = gather(), alone = true, named = true, directory = true, sane = true;
        at(a).send(mail_of(timeout_now{{999}}), {77});  // nobody
        u64 term = 100;
        for (const auto& [from, to] :
             {std::pair(a, b), {b, a}, {a, c}, {c, a}, {b, c}, {c, b}, {a, b}}) {
            const own_message what = mail_of(timeout_now{{++term}});
            arrived = arrives(what, from, to) && arrived;
            turn(20);
            for (const auto& each : seats_) {
                const node_id id = each->who().self;
                alone = alone && (id == to || each->heard(what.words()) == 0);
                for (const heard_mail& mail : each->mail) {
                    if (mail.words != what.words()) continue;
                    named = named && mail.from == from;
                    directory = directory && mail.incarnation == at(from).who().incarnation;
                }
            }
        }
        for (const auto& each : seats_) {
            alone = alone && each->heard(mail_of(timeout_now{{999}}).words()) == 0;
            for (const node_id who : each->told_of)
                sane = sane && who != each->who().self && (who == a || who == b || who == c);
        }
        say("a message that is repeated arrives, from everyone to everyone", arrived,
            "it never did");
        say("a message arrives at the peer that it names alone", alone, "another one heard it");
        say("a message comes under its sender's id", named, "under another one");
        say("a message comes under its sender's incarnation", directory, "under another one");
        say("a node is told of its peers alone", sane, "of itself, or of nobody's id");
    }

    // ---- what arrives ---------------------------------------------------------------------------
    void every_kind_arrives() {
        bool control = gather(), bulk = control;
        for (const u64 n : {u64{50}, u64{1} << 40}) {
            for (own_message& made : every_kind_of_mail(n)) {
                const own_message& each = lend(std::move(made));
                bool& kind = each.bulk() ? bulk : control;
                kind = kind && arrives(each, a, b);
            }
        }
        say("every kind of message arrives as it was", control, "one never did");
        say("every kind of bulk message arrives as it was", bulk, "one never did");
    }

    void large_messages_arrive() {
        bool entries = gather(), pieces = entries;
        u64 number = 1000;
        for (const u32 bytes : {0u, 1u, 4096u, 70'000u, 300'000u}) {
            entries = entries && arrives(mail_with_entries(++number, 3, bytes), a, b);
            if (bytes != 0) pieces = pieces && arrives(mail_with_piece(++number, bytes), a, b);
        }
        entries = entries && arrives(mail_with_entries(++number, 500, 16), a, b);
        say("entries arrive byte by byte, few and many", entries, "some never did");
        say("chunks arrive byte by byte, small and large", pieces, "some never did");
        say("nothing arrives that was not sent", only_sent(number, 1000), "something did");
    }
    // Of the entries and chunks of large_messages_arrive().
    bool only_sent(u64 last, u64 first) {
        std::size_t known = 0;
        for (u64 number = first + 1; number <= last; ++number) {
            for (const u32 bytes : {0u, 1u, 4096u, 70'000u, 300'000u}) {
                known += at(b).heard(mail_with_entries(number, 3, bytes).words());
                if (bytes != 0) known += at(b).heard(mail_with_piece(number, bytes).words());
            }
            known += at(b).heard(mail_with_entries(number, 500, 16).words());
        }
        return known == at(b).mail.size();
    }

    // The core builds messages in place, and lends its log's own bytes for the call.
    void nothing_lent_is_read_later() {
        bool sound = gather() && arrives(mail_of(timeout_now{{1}}), a, b) &&
                     arrives(mail_with_piece(1, 10), a, b);
        at(b).forget();
        std::vector<std::string> sent;
        const auto send_and_spoil = [&](own_message&& made) {
            own_message& each = lend(std::move(made));
            sent.push_back(each.words());
            at(a).send(each, b);
            each.spoil();
        };
        for (u64 n = 1; n <= 20; ++n) {
            send_and_spoil(mail_with_entries(n * 10, 4, 900));
            send_and_spoil(mail_with_piece(n * 10, 5000));
            send_and_spoil(mail_with_offer(n * 10));
        }
        for (int i = 0; i < 200; ++i) turn();
        for (const heard_mail& each : at(b).mail) {
            sound = sound && std::find(sent.begin(), sent.end(), each.words) != sent.end();
        }
        say("what was lent is not read after send()", sound && !at(b).mail.empty(),
            "what came is not what was sent, or nothing came");
    }

    void what_came_may_be_kept() {
        bool came = gather();
        at(b).keeps = true;
        u64 number = 1;
        for (const u32 bytes : {20u, 3000u, 100'000u}) {
            came = came && arrives(mail_with_entries(number += 10, 5, bytes), a, b) &&
                   arrives(mail_with_piece(number += 10, bytes), a, b);
        }
        at(b).keeps = false;
        const std::size_t kept = at(b).mail.size();
        for (int i = 0; i < 30; ++i) {
            at(a).send(lend(mail_with_entries(number += 10, 5, 40'000)), b);
            at(a).send(lend(mail_with_piece(number += 10, 100'000)), b);
            turn();
        }
        at(a).close();
        turn(5);
        bool same = came;
        for (std::size_t i = 0; i < kept; ++i) {
            const heard_mail& each = at(b).mail[i];
            same = same && (!each.held.valid() || each.words == each.words_now());
        }
        say("what came may be kept by a reference", same, "it changed under its holder");
    }

    // ---- bounds ---------------------------------------------------------------------------------
    // Sends until `bytes` are on their way to a peer that does not listen. False: send() waited,
    // more often than a scheduler explains.
    bool flood(node_id from, node_id to, u64 bytes, const own_message& what) {
        int slow = 0;
        for (u64 sent = 0; sent < bytes && slow < 4; sent += flood_bytes) {
            const instant began = monotonic_now();
            at(from).send(what, to);
            slow += monotonic_now() - began > milliseconds(100);
            if (sent / flood_bytes % 16 == 0) places_.wait();
        }
        return slow < 4;
    }

    void a_deaf_peer_costs_little() {
        const u64 most = places_.lane_bytes_max();
        bool met = gather();
        const own_message& chunk = lend(mail_with_piece(1, flood_bytes));
        const own_message& batch = lend(mail_with_entries(1, 1, flood_bytes));
        for (const node_id to : {b, c}) {
            met = met && arrives(mail_of(timeout_now{{5}}), a, to) &&
                  arrives(mail_with_piece(7, 9), a, to);
        }
        at(c).forget();
        at(c).deaf = true;
        const bool at_once = flood(a, c, 2 * most, chunk) && flood(a, c, 2 * most, batch);
        say("send() never waits for a peer", met && at_once, "it took 100 ms, again and again");
        say("a peer that does not listen delays nobody else",
            met && arrives(mail_of(timeout_now{{6}}), a, b), "another one heard nothing more");
        at(c).deaf = false;
        u64 before = ~u64{0};
        for (int still = 0; still < 20; ++still) {
            turn();
            if (before != at(c).mail.size()) still = 0;
            before = at(c).mail.size();
        }
        u64 entries = 0;
        for (const heard_mail& each : at(c).mail) entries += each.bulk ? 0 : each.words.size();
        say("what waits for a peer that does not listen is bounded",
            met && at(c).piece_bytes <= most && entries <= most, "all of it came in the end");
    }

    // A chunk must not stand before a heartbeat (requirement S001-36).
    void lanes_are_two() {
        bool met = gather() && arrives(mail_of(timeout_now{{5}}), a, c) &&
                   arrives(mail_with_piece(7, 9), a, c);
        at(c).forget();
        at(c).deaf = true;
        const own_message& chunk = lend(mail_with_piece(1, flood_bytes));
        (void)flood(a, c, 2 * places_.lane_bytes_max(), chunk);
        const own_message& crumb = lend(mail_with_piece(2, 1));  // what is left must not fit a beat
        for (int i = 0; i < 1000; ++i) at(a).send(crumb, c);
        const own_message beat = mail_of(timeout_now{{6}});
        for (int i = 0; i < 5; ++i) at(a).send(beat, c);
        at(c).deaf = false;
        for (int i = 0; i < turns_max && at(c).heard(beat.words()) == 0; ++i) turn();
        say("a lane full of chunks does not stop the other", met && at(c).heard(beat.words()) != 0,
            "what was sent meanwhile never came");
    }

    // ---- ends -----------------------------------------------------------------------------------
    void close_is_the_end() {
        const own_message last = mail_of(timeout_now{{8}}), late = mail_of(timeout_now{{9}});
        bool met = gather() && arrives(last, a, b) && arrives(last, b, a) && arrives(last, b, c);
        at(b).deaf = true;
        for (int i = 0; i < 5; ++i) at(a).send(late, b);
        for (int i = 0; i < 20; ++i) turn();
        at(b).close();
        at(b).close();
        at(b).deaf = false;
        for (int i = 0; i < 10; ++i) {
            at(a).send(late, b);
            at(b).send(late, c);
            turn(2);
        }
        say("nothing comes after close()", met && at(b).heard(late.words()) == 0, "something did");
        say("nothing leaves after close()", met && at(c).heard(late.words()) == 0, "something did");
        say("the others go on", met && arrives(late, a, c), "they don't");
    }

    void a_peer_comes_back() {
        const own_message before = mail_of(timeout_now{{8}}), after = mail_of(timeout_now{{9}});
        bool met = gather() && arrives(before, a, b) && arrives(before, b, a);
        seats_[1] = nullptr;
        for (int i = 0; i < 10; ++i) {
            places_.wait();
            at(a).send(before, b);
            at(a).listen();
        }
        met = sit_down(b) && met;
        introduce_all();
        say("a peer that came back is heard and hears again",
            met && arrives(after, a, b) && arrives(after, b, a), "it doesn't");
    }

    // Clusters and groups may share machines and addresses (design §11).
    bool is_heard(u64 cluster, u64 group) {
        const own_message what = mail_of(timeout_now{{12}});
        if (!gather(cluster, group) || !arrives(what, a, b)) return true;
        for (int i = 0; i < 30; ++i) {
            at(a).send(what, c);
            at(c).send(what, a);
            at(c).send(what, b);
            turn(2);
        }
        return at(c).heard(what.words()) + at(a).heard(what.words()) != 0 ||
               std::any_of(at(b).mail.begin(), at(b).mail.end(),
                           [](const heard_mail& each) { return each.from != a; });
    }
    void strangers_are_not_heard() {
        say("another cluster is not heard", !is_heard(2, 1), "it is");
        say("another group is not heard", !is_heard(1, 2), "it is");
    }

    Places& places_;
    Report& report_;
    std::deque<own_message> lent_;
    std::vector<std::unique_ptr<seat>> seats_;
};

template <class Places, class Report>
void check_transport(Places&& places, Report&& report) {
    transport_checks<std::remove_reference_t<Places>, std::remove_reference_t<Report>>(places,
                                                                                       report)
        .run_all();
}

}  // namespace conform

RAFTKIT_NAMESPACE_END
