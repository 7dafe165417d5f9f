#pragma once
// The Redis serialization protocol: a parser of requests (inline and arrays) and a writer of
// replies (RESP2 and RESP3). The parser owns its input and never reserves what a client merely
// announces: sizes are bounded first, and a request that is too large is read past, so that the
// connection stays usable.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kvd {

class request_parser {
public:
    enum class step {
        more,       // nothing complete yet
        request,    // args() holds one
        too_large,  // a request was read past; args() holds its first words as far as they were
                    // kept
        broken      // why() says it; the connection is of no further use
    };

    explicit request_parser(std::size_t request_bytes_max) : request_max_(request_bytes_max) {}

    // Room for the socket to read into, and how much of it was filled.
    char* space(std::size_t bytes) {
        // It never shrinks: to grow it again would fill all of it with zeros for each request.
        if (input_.size() < filled_ + bytes) input_.resize(filled_ + bytes);
        return input_.data() + filled_;
    }
    void filled(std::size_t bytes) { filled_ += bytes; }

    // Views live until the next call.
    step next();
    const std::vector<std::string_view>& args() const { return args_; }
    const std::string& why() const { return why_; }
    std::size_t buffered() const { return filled_ - at_; }
    std::size_t held() const { return filled_; }  // with what was read of the current request

private:
    step broken(std::string why);
    step begin();
    step inline_request();
    step read_arguments();
    step more();
    bool take_line(std::string_view& line);
    void compact();

    std::size_t request_max_;
    std::string input_;
    std::size_t filled_ = 0, at_ = 0;  // valid bytes, and the next unread one
    std::vector<std::pair<std::size_t, std::size_t>> places_;  // offset and length of each argument
    std::vector<std::string_view> args_;
    std::string why_;
    std::size_t start_ = 0;    // of the current request; input before it is used up
    std::size_t scanned_ = 0;  // of the current line
    std::int64_t left_ = 0;    // arguments still to come
    std::int64_t bulk_ = -1;   // length of the argument being read, -1: its header comes next
    std::size_t bytes_ = 0;    // of the current request
    bool skipping_ = false;    // it is too large
    bool kept_ = true;         // the argument being read, in a request that is read past
    bool first_ = true;        // the argument whose header comes next
    std::size_t keep_to_ = 0;  // end of the arguments kept so far
};

// Splits as Redis does: spaces, "double" with escapes, 'single'. False: unbalanced quotes.
bool split_inline(std::string_view line, std::vector<std::string>& words);

// Appends replies to a string. `protocol` is 2 or 3; only nulls, maps, sets and doubles differ.
class reply_writer {
public:
    reply_writer(std::string& into, int protocol) : into_(&into), protocol_(protocol) {}

    int protocol() const { return protocol_; }
    void status(std::string_view text) { line('+', text); }
    void error(std::string_view text) { line('-', text); }
    void integer(std::int64_t value) { line(':', std::to_string(value)); }
    void bulk(std::string_view bytes);
    void null();
    void array(std::size_t count) { line('*', std::to_string(count)); }
    void null_array();
    void map(std::size_t pairs);  // 2 * pairs elements in RESP2
    void set(std::size_t count) { line(protocol_ == 3 ? '~' : '*', std::to_string(count)); }
    void verbatim(std::string_view text);  // a bulk in RESP2
    void raw(std::string_view encoded) { into_->append(encoded); }

private:
    void line(char kind, std::string_view text);

    std::string* into_;
    int protocol_;
};

}  // namespace kvd
