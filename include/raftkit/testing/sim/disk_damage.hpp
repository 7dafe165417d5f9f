#pragma once
// The bodies of disk.hpp that no program calls: damage done to what is stored, and what a checker
// asks. None of them counts as a call.

#include <raftkit/testing/sim/disk.hpp>

RAFTKIT_NAMESPACE_BEGIN
namespace testing {

inline bool sim_disk::flip_bits(const std::string& path, u64 offset, u8 bits) {
    const disk_tree::node found = tree_.find(path);
    return found != nullptr && found->image.flip(offset, bits);
}
inline bool sim_disk::garble_sector(const std::string& path, u64 offset) {
    const disk_tree::node found = tree_.find(path);
    return found != nullptr && found->image.garble(offset, random_);
}
inline bool sim_disk::zero_sector(const std::string& path, u64 offset) {
    const disk_tree::node found = tree_.find(path);
    constexpr std::array<std::byte, sector_bytes> zeros{};
    return found != nullptr && found->image.put_sector(offset, zeros);
}
inline bool sim_disk::make_sector_stale(const std::string& path, u64 offset) {
    const disk_tree::node found = tree_.find(path);
    return found != nullptr && found->image.make_stale(offset);
}
inline bool sim_disk::misdirect_sector(const std::string& from_path, u64 from,
                                       const std::string& to_path, u64 to) {
    const disk_tree::node source = tree_.find(from_path), target = tree_.find(to_path);
    if (source == nullptr || target == nullptr) return false;
    const byte_span sector = source->image.sector_at(from);
    const std::vector<std::byte> copy(sector.begin(), sector.end());  // may be the same file
    return !copy.empty() && target->image.put_sector(to, copy);
}
inline bool sim_disk::misdirect_write(const std::string& path, u64 offset,
                                      const std::string& to_path, u64 to) {
    const disk_tree::node source = tree_.find(path), target = tree_.find(to_path);
    if (source == nullptr || target == nullptr) return false;
    const byte_span sector = source->image.sector_at(offset);
    const std::vector<std::byte> strayed(sector.begin(), sector.end());
    if (!source->image.make_stale(offset)) return false;
    if (target->image.put_sector(to, strayed)) return true;
    (void)source->image.put_sector(offset, strayed);  // nowhere to go: it is where it was
    return false;
}
inline bool sim_disk::break_sector(const std::string& path, u64 offset) {
    const disk_tree::node found = tree_.find(path);
    return found != nullptr && found->image.break_sector(offset);
}
inline bool sim_disk::wipe(const std::string& path) { return tree_.wipe(path); }
inline bool sim_disk::evict(const std::string& path) {
    const disk_tree::node found = tree_.find(path);
    if (found != nullptr) found->image.evict();
    return found != nullptr;
}

inline std::vector<std::byte> sim_disk::content(const std::string& path) const {
    const disk_tree::node found = tree_.find(path);
    if (found == nullptr) return {};
    return {found->image.cached().begin(), found->image.cached().end()};
}
inline std::vector<std::byte> sim_disk::durable_content(const std::string& path) const {
    const disk_tree::node found = tree_.find_durable(path);
    return found == nullptr ? std::vector<std::byte>() : found->image.durable();
}
inline bool sim_disk::durable(const std::string& path) const {
    const disk_tree::node found = tree_.find_durable(path);
    return found != nullptr && found == tree_.find(path) && found->image.clean();
}

inline void sim_disk::plant(const std::string& path, byte_span bytes) {
    for (std::size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
        const std::string above = path.substr(0, slash);
        if (tree_.find(above) != nullptr) continue;
        const auto [parent, name] = tree_.parent_of(above);
        (void)tree_.make(parent, name, true);
        tree_.sync(parent);
    }
    const auto [parent, name] = tree_.parent_of(path);
    disk_tree::node file = tree_.find(path);
    if (file == nullptr) file = tree_.make(parent, name, false);
    file->image.resize(0);
    file->image.write(0, bytes, random_);
    file->image.sync();
    file->charge();
    tree_.sync(parent);
}

}  // namespace testing
RAFTKIT_NAMESPACE_END
