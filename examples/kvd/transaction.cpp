// MULTI, EXEC and DISCARD: commands gather on the connection and become one log entry, or one read.

#include "data_commands.hpp"
#include "session.hpp"

namespace kvd {

namespace {
constexpr std::size_t transaction_commands_max = 65536;
}  // namespace

void session::queue_in_transaction(const command_row* row, words args) {
    if (row == nullptr) {
        const command_row* known = find_command(args[0]);
        transaction_failed_ = true;
        return fail(known == nullptr ? unknown_command(args) : wrong_arity(known->name));
    }
    if (row->data == nullptr) {
        transaction_failed_ = true;
        return fail("ERR Command not allowed inside a transaction");
    }
    // As in Redis: what only its words say is found out by EXEC, which goes on with the rest.
    if (const std::string why = growth_refusal(*row, args); !why.empty()) {
        transaction_failed_ = true;
        return fail(why);
    }
    if (transaction_commands_.size() >= transaction_commands_max) {
        transaction_failed_ = true;
        return fail("ERR too many commands in a transaction");
    }
    transaction_commands_.push_back(queue_of(*row, args));
    answer().status("QUEUED");
}

void session::begin_transaction() {
    transaction_ = true;
    transaction_failed_ = false;
    transaction_commands_.clear();
}

void session::drop_transaction() {
    transaction_ = transaction_failed_ = false;
    transaction_commands_.clear();
}

// EXEC: one log entry if anything in it writes, else one read.
void session::run_transaction() {
    const bool failed = transaction_failed_;
    std::vector<queued_command> commands = std::move(transaction_commands_);
    drop_transaction();
    if (failed) return fail("EXECABORT Transaction discarded because of previous errors.");
    if (commands.empty()) return answer().array(0);
    if (!server_->serving()) return fail("LOADING Redis is loading the dataset in memory");
    std::size_t bytes = 0;
    bool writes = false;
    for (const queued_command& each : commands) {
        bytes += entry_writer::bytes_of(views(each.args));
        writes |= (each.row->flags & write_flag) != 0;
    }
    if (bytes > server_->values().value_bytes_max + (1u << 20)) {
        return fail(
            "EXECABORT Transaction discarded because it is larger than a log entry may be.");
    }
    if (writes) {
        start_write(&commands, nullptr, {});
        requests_.back()->slot = slot_of(*commands[0].row, views(commands[0].args));
    } else {
        start_read(std::move(commands), true);
    }
}

}  // namespace kvd
