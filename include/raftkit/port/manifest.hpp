#pragma once
// What a stored snapshot consists of, as a value. Its encoding is snapshot/manifest.hpp.

#include <string>
#include <vector>

#include <raftkit/base/bytes.hpp>
#include <raftkit/core/types.hpp>

RAFTKIT_NAMESPACE_BEGIN

enum class section_origin : u8 { owned, referenced };  // referenced: not ours

struct section_meta {
    std::string name;  // "state", or the file's name
    u64 bytes = 0;     // 0 until the section ends
    digest128 digest{};
    section_origin origin = section_origin::owned;
    std::string external_id;
    std::vector<std::byte> user_meta;  // at most 64 KiB
    friend bool operator==(const section_meta&, const section_meta&) = default;
};

struct snapshot_manifest {
    snapshot_meta meta;
    u32 codec = 0, chunk_bytes = 0;
    i64 created_at_unix_ms = 0;  // for people; never ordered by
    duration took;
    std::vector<section_meta> sections;
    friend bool operator==(const snapshot_manifest&, const snapshot_manifest&) = default;
};

RAFTKIT_NAMESPACE_END
