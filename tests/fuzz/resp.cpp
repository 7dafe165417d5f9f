// The parser of requests: what a client's bytes mean depends neither on how they arrive nor on what
// they announce. The first byte of an input says how much arrives at a time, the second how large a
// request may be; the rest are the client's bytes, and, read as words, a request to write and
// parse.
#include "fuzz.hpp"

#include <kvd/resp.hpp>

using kvd::request_parser;
using step = request_parser::step;

namespace {

constexpr std::size_t line_bytes_max = 64 * 1024;

struct spoken {
    step what;
    std::vector<std::string> words;
    bool operator==(const spoken&) const = default;
};

// Ends after `broken`: the connection is of no further use.
std::vector<spoken> parse(std::string_view text, std::size_t at_a_time, std::size_t request_max) {
    request_parser parser(request_max);
    std::vector<spoken> said;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t part = std::min(at_a_time, text.size() - at);
        std::memcpy(parser.space(part), text.data() + at, part);
        parser.filled(part);
        at += part;
        for (step now = parser.next(); now != step::more; now = parser.next()) {
            if (now == step::broken) {
                FUZZ_PROPERTY(!parser.why().empty());
                FUZZ_PROPERTY(parser.next() == step::broken);
                said.push_back({now, {parser.why()}});
                return said;
            }
            FUZZ_PROPERTY(now == step::too_large || !parser.args().empty());
            said.push_back({now, {parser.args().begin(), parser.args().end()}});
        }
        // What cannot be a request is not kept: only a line or a request may wait for its end.
        FUZZ_PROPERTY(parser.buffered() <= line_bytes_max + request_max + at_a_time);
    }
    return said;
}

std::vector<std::string> words_in(std::string_view text) {
    std::vector<std::string> words(1);
    for (const char c : text) {
        if (c == '\0') {
            words.emplace_back();
        } else {
            words.back() += c;
        }
    }
    return words;
}

// Array and inline form of the same words are the same request.
void check_round_trip(std::string_view text, std::size_t at_a_time) {
    const std::vector<std::string> words = words_in(text);
    std::string array, line;
    kvd::reply_writer writer(array, 2);
    writer.array(words.size());
    for (const std::string& word : words) {
        writer.bulk(word);
        line += '"';
        for (const char c : word) {
            char escaped[5];
            std::snprintf(escaped, sizeof escaped, "\\x%02x", static_cast<unsigned char>(c));
            line += escaped;
        }
        line += "\" ";
    }
    line += "\r\n";
    const std::vector<spoken> wanted{{step::request, words}};
    FUZZ_PROPERTY(parse(array, at_a_time, array.size()) == wanted);
    if (line.size() <= line_bytes_max) {
        FUZZ_PROPERTY(parse(line, at_a_time, line.size()) == wanted);
    }
}

void run_resp(fuzz::byte_span input) {
    if (input.size() < 2) return;
    const fuzz::exact_copy held(input.subspan(2));
    const std::size_t at_a_time = 1 + static_cast<std::size_t>(input[0]) % 64;
    const std::size_t request_max = 1 + static_cast<std::size_t>(input[1]) * 4;
    const auto whole =
        parse(held.text(), std::max<std::size_t>(held.text().size(), 1), request_max);
    FUZZ_PROPERTY(whole == parse(held.text(), at_a_time, request_max));
    if (held.text().size() <= 512) FUZZ_PROPERTY(whole == parse(held.text(), 1, request_max));
    std::vector<std::string> words;
    if (kvd::split_inline(held.text(), words)) {
        for (const std::string& word : words) FUZZ_PROPERTY(word.size() <= held.text().size());
    }
    if (held.text().size() <= 256) check_round_trip(held.text(), at_a_time);
}

std::vector<fuzz::seed> resp_seeds() {
    const auto input = [](std::size_t at_a_time, std::size_t request_max, std::string_view text) {
        fuzz::bytes made{std::byte(at_a_time), std::byte(request_max)};
        fuzz::append(made, raftkit::as_bytes(text));
        return made;
    };
    return {
        {"set", input(3, 255, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n")},
        {"two", input(7, 255, "*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n")},
        {"too_large", input(5, 3,
                            "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$20\r\n01234567890123456789\r\n"
                            "*1\r\n$4\r\nPING\r\n")},
        {"long_name", input(5, 1, "*1\r\n$130\r\n" + std::string(130, 'x') + "\r\nPING\r\n")},
        {"inline", input(2, 255, "\r\nSET \"a\\x41\\n\" 'it\\'s' plain\n*0\r\n*-1\r\nPING\r\n")},
        {"unbalanced", input(1, 255, "GET \"a\r\n")},
        {"lengths", input(1, 255, "*2\r\n$536870912\r\nx")},
        {"words", input(4, 255, std::string_view("a\0b\"\\\0\0c d", 10))}};
}

}  // namespace

extern const fuzz::target resp_target;
const fuzz::target resp_target{"resp", run_resp, nullptr, resp_seeds};
