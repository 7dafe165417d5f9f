#pragma once
// The names of a simulated disk: a tree of directories with two sets of entries each, the current
// ones and those that a power cut leaves, and the ordered list of changes between the two.

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raftkit/testing/sim/file_image.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

// A file or a directory; lives as long as a name, a durable name, a pending change or an open
// handle wants it.
struct disk_node {
    disk_node(bool is_directory, std::shared_ptr<u64> counter)
        : directory(is_directory), used(std::move(counter)) {}
    disk_node(disk_node&&) = delete;
    ~disk_node() { *used -= charged; }

    // The disk's space follows the file's.
    void charge() {
        *used += image.allocated_bytes() - charged;
        charged = image.allocated_bytes();
    }

    using entry_map = std::map<std::string, std::shared_ptr<disk_node>>;
    const bool directory;
    entry_map entries, durable_entries;
    file_image image;
    u64 locked_by_life = 0;
    u64 charged = 0;
    std::shared_ptr<u64> used;
};

class disk_tree {
public:
    using node = std::shared_ptr<disk_node>;

    explicit disk_tree(std::shared_ptr<u64> used)
        : used_(std::move(used)), root_(std::make_shared<disk_node>(true, used_)) {}

    // Null when there is none. Slashes at either end and doubled ones don't matter.
    node find(std::string_view path) const { return walk(path, &disk_node::entries); }
    node find_durable(std::string_view path) const {
        return walk(path, &disk_node::durable_entries);
    }
    // The directory that holds, or would hold, the last name of `path`; null when it is missing.
    std::pair<node, std::string> parent_of(std::string_view path) const {
        while (!path.empty() && path.back() == '/') path.remove_suffix(1);
        const std::size_t slash = path.rfind('/');
        const std::string_view above =
            slash == std::string_view::npos ? std::string_view() : path.substr(0, slash);
        node parent = find(above);
        if (parent != nullptr && !parent->directory) parent = nullptr;
        return {std::move(parent),
                std::string(slash == std::string_view::npos ? path : path.substr(slash + 1))};
    }
    // Every file by its current names, sorted.
    std::vector<std::string> paths() const {
        std::vector<std::string> found;
        std::vector<std::pair<const disk_node*, std::string>> open{{root_.get(), ""}};
        while (!open.empty()) {
            const auto [at, path] = std::move(open.back());
            open.pop_back();
            for (const auto& [name, below] : at->entries) {
                std::string full = path.empty() ? name : path + "/" + name;
                if (below->directory) {
                    open.emplace_back(below.get(), std::move(full));
                } else {
                    found.push_back(std::move(full));
                }
            }
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    node make(const node& parent, const std::string& name, bool directory) {
        node made = std::make_shared<disk_node>(directory, used_);
        change({nullptr, "", parent, name, made});
        return made;
    }
    void remove(const node& parent, const std::string& name) {
        change({parent, name, nullptr, "", parent->entries.at(name)});
    }
    void rename(const node& from, const std::string& name, const node& to,
                const std::string& new_name) {
        change({from, name, to, new_name, from->entries.at(name)});
    }

    // Changes of this directory's entries become durable, in their order. A rename between two
    // directories is one change, durable with either.
    void sync(const node& directory) {
        std::vector<entry_change> others;
        for (entry_change& each : pending_) {
            if (each.from == directory || each.to == directory) {
                apply(each, &disk_node::durable_entries);
            } else {
                others.push_back(std::move(each));
            }
        }
        pending_ = std::move(others);
    }
    bool clean(const node& directory) const noexcept {
        for (const entry_change& each : pending_) {
            if (each.from == directory || each.to == directory) return false;
        }
        return true;
    }

    // Gone, now and for ever, with every change under way that had to do with it.
    bool wipe(std::string_view path) {
        const node gone = find(path);
        if (gone == nullptr) return false;
        std::set<const disk_node*> below{gone.get()};
        std::vector<const disk_node*> open{gone.get()};
        while (!open.empty()) {
            const disk_node& at = *open.back();
            open.pop_back();
            for (const auto* names : {&at.entries, &at.durable_entries}) {
                for (const auto& [name, each] : *names) {
                    if (below.insert(each.get()).second) open.push_back(each.get());
                }
            }
        }
        std::erase_if(pending_, [&](const entry_change& each) {
            return below.contains(each.from.get()) || below.contains(each.to.get()) ||
                   below.contains(each.target.get());
        });
        gone->entries.clear();
        gone->durable_entries.clear();
        if (gone == root_) return true;
        const auto [parent, name] = parent_of(path);
        parent->entries.erase(name);
        for (auto at = parent->durable_entries.begin(); at != parent->durable_entries.end();) {
            at = at->second == gone || at->first == name ? parent->durable_entries.erase(at)
                                                         : std::next(at);
        }
        return true;
    }

    // A prefix of the pending changes survives; then every image loses what it must.
    void power_cut(prng& random, power_cut_odds odds) {
        using fate = power_cut_odds::names_fate;
        const u64 drawn = random.below(pending_.size() + 1);
        const u64 survivors = odds.names == fate::drawn  ? drawn
                              : odds.names == fate::kept ? pending_.size()
                                                         : 0;
        for (u64 i = 0; i < survivors; ++i) {
            apply(pending_[static_cast<std::size_t>(i)], &disk_node::durable_entries);
        }
        pending_.clear();
        std::vector<disk_node*> open{root_.get()};
        while (!open.empty()) {
            disk_node& at = *open.back();
            open.pop_back();
            at.locked_by_life = 0;
            at.entries = at.durable_entries;
            for (const auto& [name, below] : at.entries) open.push_back(below.get());
            if (at.directory) continue;
            at.image.power_cut(random, odds);
            at.charge();
        }
    }

private:
    struct entry_change {  // from only: removed; to only: made; both: renamed
        node from;
        std::string name;
        node to;
        std::string new_name;
        node target;
    };
    using entries_of = disk_node::entry_map disk_node::*;

    node walk(std::string_view path, entries_of entries) const {
        node at = root_;
        while (at != nullptr && !path.empty()) {
            const std::size_t slash = path.find('/');
            const std::string_view name = path.substr(0, slash);
            path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
            if (name.empty() || name == ".") continue;
            const auto& names = (*at).*entries;
            const auto found = names.find(std::string(name));
            at = found == names.end() ? nullptr : found->second;
        }
        return at;
    }
    void change(entry_change made) {
        apply(made, &disk_node::entries);
        pending_.push_back(std::move(made));
        // A journal is written back in time: the oldest changes become durable by themselves.
        if (std::ssize(pending_) < pending_max) return;
        for (std::size_t i = 0; i < pending_max / 2; ++i) {
            apply(pending_[i], &disk_node::durable_entries);
        }
        pending_.erase(pending_.begin(), pending_.begin() + pending_max / 2);
    }
    static void apply(const entry_change& what, entries_of entries) {
        if (what.from != nullptr) ((*what.from).*entries).erase(what.name);
        if (what.to != nullptr) ((*what.to).*entries)[what.new_name] = what.target;
    }
    std::shared_ptr<u64> used_;
    node root_;
    static constexpr std::ptrdiff_t pending_max = 256;

    std::vector<entry_change> pending_;
};

}  // namespace testing
RAFTKIT_NAMESPACE_END
