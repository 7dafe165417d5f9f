// node.identity: whom a data directory belongs to, and the incarnations of its peers.
#include "fuzz.hpp"

#include <raftkit/storage/identity.hpp>

using namespace raftkit;

namespace {

void run_identity(byte_span input) {
    const fuzz::exact_copy held(input);
    const auto read = decode_identity(held.bytes());
    if (!read) {
        const errc code = read.why().code;
        FUZZ_PROPERTY(code == errc::corrupt || code == errc::incompatible);
        return;
    }
    FUZZ_PROPERTY(read->peers.incarnations.size() <= identity_peers_max);
    FUZZ_PROPERTY(fuzz::same(encode_identity(*read), held.bytes()));
}

void reseal_identity(mutable_byte_span input) {
    if (input.size() < identity_header_bytes) return;
    store_le(input.data(), identity_magic);
    store_le(input.data() + 56, u64{(input.size() - identity_header_bytes) / 16});
    store_le(input.data() + 8, mask_crc(crc32c(byte_span(input).subspan(12))));
}

std::vector<fuzz::seed> identity_seeds() {
    node_identity lone, joined;
    lone.self = {1, 2, {3}, incarnation_from(4 << 16)};
    joined.self = {11, 12, {13}, incarnation_from(14 << 16)};
    joined.peers.joined = true;
    joined.peers.incarnations = {{{1}, 5 << 16}, {{2}, 6 << 16}};
    return {{"lone", encode_identity(lone)}, {"joined", encode_identity(joined)}};
}

}  // namespace

extern const fuzz::target identity_target;
const fuzz::target identity_target{"identity", run_identity, reseal_identity, identity_seeds};
