#pragma once
// Reads a stored snapshot from its first byte to its last and keeps nothing: its store says whether
// anything of it is damaged. For a start, before a log is given up for it.

#include <algorithm>

#include <raftkit/concepts/snapshot_store.hpp>

RAFTKIT_NAMESPACE_BEGIN

// Blocks. `section`: where it was when it failed.
template <class Store>
error read_through(Store& store, snapshot_id id, u32 chunk_bytes, u32& section) noexcept {
    section = 0;
    result<typename Store::reader> reader = store.open(id);
    if (!reader) return reader.why();
    const std::vector<section_meta>& sections = reader->manifest().sections;
    for (; section < sections.size(); ++section) {
        for (u64 offset = 0, size = sections[section].bytes; offset < size;) {
            const u32 asked = static_cast<u32>(std::min<u64>(size - offset, chunk_bytes));
            const result<chunk> read = reader->read(section, offset, asked);
            if (!read) return read.why();
            if (read->bytes.empty() || read->bytes.size() > asked)
                return {errc::corrupt, 0, "read_through: a section is short", offset};
            offset += read->bytes.size();
        }
    }
    return {};
}

RAFTKIT_NAMESPACE_END
