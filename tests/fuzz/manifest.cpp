// Manifests of snapshots: what makes a directory of files a snapshot, and what an offer carries.
#include "fuzz.hpp"

#include <raftkit/snapshot/manifest.hpp>

using namespace raftkit;

namespace {

void run_manifest(byte_span input) {
    const fuzz::exact_copy held(input);
    const auto read = decode_manifest(held.bytes());
    if (!read) {
        const errc code = read.why().code;
        FUZZ_PROPERTY(code == errc::corrupt || code == errc::incompatible);
        return;
    }
    FUZZ_PROPERTY(!check_manifest(*read));
    FUZZ_PROPERTY(encoded_bytes(*read) == input.size());
    FUZZ_PROPERTY(read->meta.bytes == bytes_of(read->sections));
    fuzz::bytes again;
    encode(*read, again);
    FUZZ_PROPERTY(fuzz::same(again, held.bytes()));
    // It does not matter to a manifest what stands behind or before it.
    fuzz::bytes longer = again;
    longer.push_back({});
    FUZZ_PROPERTY(!decode_manifest(longer));
    again.pop_back();
    FUZZ_PROPERTY(!decode_manifest(again));
}

// Sums of the sections, as far as they can be walked, then the manifest's own.
void reseal_manifest(mutable_byte_span input) {
    constexpr std::size_t fixed = manifest_frame_bytes + manifest_fixed_bytes;
    if (input.size() < fixed) return;
    store_le(input.data(), manifest_magic);
    store_le(input.data() + 12, static_cast<u32>(input.size()));
    const u32 meta_bytes = load_le<u32>(input.data() + fixed - 8);
    if (meta_bytes >= snapshot_meta_header_bytes && meta_bytes <= input.size() - fixed) {
        std::vector<section_meta> sections;
        byte_reader in(byte_span(input).subspan(fixed + meta_bytes));
        section_meta each;
        while (sections.size() < manifest_sections_max && in.left() != 0 &&
               detail::take_section(in, each)) {
            sections.push_back(each);
        }
        std::byte* const meta = input.data() + fixed;
        const digest128 digest = digest_of(sections);
        store_le(input.data() + fixed - 4, static_cast<u32>(sections.size()));
        store_le(meta + 8, static_cast<u32>(sections.size()));
        store_le(meta + 12, meta_bytes - snapshot_meta_header_bytes);
        store_le(meta + 40, bytes_of(sections));
        store_le(meta + 48, digest[0]);
        store_le(meta + 56, digest[1]);
    }
    store_le(input.data() + 16, detail::manifest_crc(input));
}

fuzz::bytes manifest_bytes(std::size_t sections) {
    snapshot_manifest made;
    made.meta.id = {{{90}, {5}}, 77};
    made.meta.members.index = {41};
    made.meta.members.members = {{{1}, member_role::voter, member_role::none, 5, "a:1"},
                                 {{2}, member_role::learner, member_role::none, 0, ""}};
    made.chunk_bytes = 4096;
    made.created_at_unix_ms = 1'700'000'000'000;
    made.took = milliseconds(12);
    for (std::size_t k = 0; k < sections; ++k) {
        section_meta each;
        each.name = "section " + std::to_string(k);
        each.bytes = 1000 * k;
        each.digest = {k, k + 1};
        if (k == 1) {
            each.origin = section_origin::referenced;
            each.external_id = "s3://bucket/key";
            each.user_meta = fuzz::bytes_of("their own words");
        }
        made.sections.push_back(std::move(each));
    }
    made.meta.sections = static_cast<u32>(sections);
    made.meta.bytes = bytes_of(made.sections);
    made.meta.digest = digest_of(made.sections);
    fuzz::bytes encoded;
    encode(made, encoded);
    return encoded;
}

std::vector<fuzz::seed> manifest_seeds() {
    return {{"empty", manifest_bytes(0)}, {"one", manifest_bytes(1)}, {"three", manifest_bytes(3)}};
}

}  // namespace

extern const fuzz::target manifest_target;
const fuzz::target manifest_target{"manifest", run_manifest, reseal_manifest, manifest_seeds};
