#pragma once
// No snapshots: for nodes that keep their whole log. Nothing can be created, nothing is there, and
// no snapshot code gets into the program.

#include <vector>

#include <raftkit/concepts/snapshot_store.hpp>

RAFTKIT_NAMESPACE_BEGIN

class no_snapshots {
public:
    class writer {
    public:
        result<void> begin_section(const section_meta&) noexcept { return none(); }
        result<void> write(const chunk&) noexcept { return none(); }
        result<snapshot_manifest> publish() noexcept { return none(); }
    };
    class reader {
    public:
        const snapshot_manifest& manifest() const noexcept { return manifest_; }
        result<chunk> read(u32, u64, u32) noexcept { return none(); }

    private:
        snapshot_manifest manifest_;
    };

    result<store_report> recover(const identity&) noexcept { return store_report{}; }
    result<writer> create(const snapshot_manifest&) noexcept { return none(); }
    result<reader> open(snapshot_id) noexcept { return none(); }
    result<std::vector<snapshot_manifest>> list() noexcept {
        return std::vector<snapshot_manifest>();
    }
    result<void> remove(snapshot_id) noexcept { return none(); }
    result<void> settle(snapshot_id) noexcept { return none(); }

private:
    static error none() noexcept {
        return {errc::no_snapshot, 0, "no_snapshots: this node was built without a snapshot store"};
    }
};

static_assert(snapshot_store<no_snapshots>);

RAFTKIT_NAMESPACE_END
