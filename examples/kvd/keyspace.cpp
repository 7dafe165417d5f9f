#include "keyspace.hpp"

namespace kvd {

namespace {
constexpr raftkit::u8 entry_version = 1;
constexpr raftkit::u8 transaction_flag = 1;
constexpr std::size_t entry_header_bytes = 8;
}  // namespace

// The first keys of the batch's entries: memory is what a SET waits for.
void keyspace::prefetch(raftkit::command_range batch) {
    arguments_.clear();
    for (const raftkit::command& each : batch) {
        raftkit::byte_reader in(each.body);
        in.take_bytes(entry_header_bytes + 4);
        if (in.take_u32() < 2) continue;
        in.take_bytes(in.take_u32());
        const raftkit::byte_span key = in.take_bytes(in.take_u32());
        if (in.ok()) arguments_.push_back(raftkit::as_text(key));
    }
    values_.prefetch(arguments_);
}

// An entry that can't be read is the work of a newer version or of a bug; every node skips it in
// the same way.
void keyspace::apply(raftkit::command_range batch, raftkit::reply_sink& out) {
    prefetch(batch);
    for (const raftkit::command& each : batch) {
        raftkit::byte_reader in(each.body);
        const raftkit::u8 version = in.take_u8(), protocol = in.take_u8(), flags = in.take_u8();
        in.take_u8();
        const raftkit::u32 commands = in.take_u32();
        reply_.clear();
        reply_writer reply(reply_, protocol);
        if (!in.ok() || version != entry_version) {
            reply.error("ERR this node can't read the log entry: it is of another version of kvd");
            out.reply(each.at.index, raftkit::as_bytes(reply_));
            continue;
        }
        if ((flags & transaction_flag) != 0) reply.array(commands);
        for (raftkit::u32 left = commands; left > 0 && in.ok(); --left) {
            const command_row* row = find_command(in.take_u8());
            in.take_bytes(3);
            const raftkit::u32 count = in.take_u32();
            arguments_.clear();
            for (raftkit::u32 k = 0; k < count && in.ok(); ++k) {
                arguments_.push_back(raftkit::as_text(in.take_bytes(in.take_u32())));
            }
            if (row == nullptr || !in.ok()) {
                reply.error("ERR this node does not know the command in the log entry");
                continue;
            }
            data_call call{*this, arguments_, reply};
            row->data(call);
        }
        out.reply(each.at.index, raftkit::as_bytes(reply_));
    }
}

void keyspace::run(const command_row& row, words args, reply_writer& reply) const {
    // Handlers of reads change nothing; only they come here.
    data_call call{const_cast<keyspace&>(*this), args, reply};
    row.data(call);
}

void entry_writer::begin(int protocol, bool transaction) {
    bytes_.clear();
    commands_ = 0;
    bytes_.push_back(static_cast<char>(entry_version));
    bytes_.push_back(static_cast<char>(protocol));
    bytes_.push_back(transaction ? static_cast<char>(transaction_flag) : '\0');
    bytes_.push_back('\0');
    put_u32(0);
}

void entry_writer::add(const command_row& row, words args) {
    raftkit::store_le(reinterpret_cast<std::byte*>(bytes_.data() + 4), ++commands_);
    bytes_.push_back(static_cast<char>(row.code));
    bytes_.append(3, '\0');
    put_u32(static_cast<raftkit::u32>(args.size()));
    for (const std::string_view each : args) {
        put_u32(static_cast<raftkit::u32>(each.size()));
        bytes_.append(each);
    }
}

void entry_writer::put_u32(raftkit::u32 value) {
    char raw[sizeof value];
    raftkit::store_le(reinterpret_cast<std::byte*>(raw), value);
    bytes_.append(raw, sizeof raw);
}

std::size_t entry_writer::bytes_of(words args) {
    std::size_t bytes = entry_header_bytes + 8;
    for (const std::string_view each : args) bytes += 4 + each.size();
    return bytes;
}

}  // namespace kvd
