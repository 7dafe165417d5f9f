// The parser of requests and the writer of replies, by themselves: what the end-to-end tests send
// over sockets, here byte by byte and with a look at the memory that it costs.
#include <kvd/resp.hpp>

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using kvd::request_parser;
using step = request_parser::step;

namespace {

void feed(request_parser& parser, std::string_view bytes) {
    std::memcpy(parser.space(bytes.size()), bytes.data(), bytes.size());
    parser.filled(bytes.size());
}

std::vector<std::string> words_of(const request_parser& parser) {
    return {parser.args().begin(), parser.args().end()};
}

// Everything that `bytes` say when `at_a_time` of them arrive together; ends with "more", or with
// the error.
std::vector<std::string> parse(std::string_view bytes, std::size_t at_a_time,
                               std::size_t request_bytes_max = 4096) {
    request_parser parser(request_bytes_max);
    std::vector<std::string> seen;
    for (std::size_t at = 0; at < bytes.size(); at += at_a_time) {
        feed(parser, bytes.substr(at, at_a_time));
        for (step now = parser.next(); now != step::more; now = parser.next()) {
            if (now == step::broken) {
                seen.push_back("broken: " + parser.why());
                return seen;
            }
            std::string line = now == step::too_large ? "too large:" : "";
            for (const std::string& word : words_of(parser)) line += "[" + word + "]";
            seen.push_back(line);
        }
    }
    seen.push_back("more");
    return seen;
}

using lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a request means the same however its bytes arrive") {
    const std::string_view bytes =
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4\r\na\r\nb\r\n"  // a value may hold the end of a line
        "PING\r\n"
        "\r\n"
        "*0\r\n"
        "*-1\r\n"
        "*1\r\n$0\r\n\r\n"
        "SET \"a b\" 'c \\' d' e\n"
        "*2\r\n$4\r\nECHO\r\n$3\r\nxyz\r\n";
    const lines expected{"[SET][k][a\r\nb]",     "[PING]",      "[]",
                         "[SET][a b][c ' d][e]", "[ECHO][xyz]", "more"};
    for (std::size_t at_a_time = 1; at_a_time <= bytes.size(); ++at_a_time) {
        CHECK(parse(bytes, at_a_time) == expected);
    }
}

TEST_CASE("what is no request ends the connection, with Redis' words") {
    // scenario K146
    const std::pair<const char*, const char*> cases[] = {
        {"*1\r\n$-5\r\n", "invalid bulk length"},
        {"*1\r\n$-1\r\n", "invalid bulk length"},
        {"*1\r\n$-2\r\nabcdef\r\n", "invalid bulk length"},
        {"*1\r\n$x\r\n", "invalid bulk length"},
        {"*1\r\n$\r\n", "invalid bulk length"},
        {"*1\r\n$536870913\r\n", "invalid bulk length"},
        {"*1\r\n$99999999999999999999\r\n", "invalid bulk length"},
        {"*x\r\n", "invalid multibulk length"},
        {"*1048577\r\n", "invalid multibulk length"},
        {"*99999999999999999999\r\n", "invalid multibulk length"},
        {"*1\r\n:5\r\n", "expected '$', got ':'"},
        {"*1\r\n\r\n", "expected '$', got ' '"},
        {"SET a \"b\r\n", "unbalanced quotes in request"},
        {"SET a 'b\r\n", "unbalanced quotes in request"},
        {"GET \"a\"b\r\n", "unbalanced quotes in request"},
    };
    for (const auto& [bytes, why] : cases) {
        for (const std::size_t at_a_time : {1u, 3u, 1000u}) {
            CHECK_MESSAGE(
                parse(bytes, at_a_time) == lines{std::string("broken: Protocol error: ") + why},
                bytes);
        }
    }
    // Not even a sound request behind it is looked at.
    request_parser parser(4096);
    feed(parser, "*x\r\nPING\r\n");
    CHECK(parser.next() == step::broken);
    CHECK(parser.next() == step::broken);
}

TEST_CASE("a line without an end is given up in bounded memory") {
    // scenario K146
    for (const char* begin : {"", "*", "*1\r\n$"}) {
        request_parser parser(4096);
        feed(parser, begin);
        step now = parser.next();
        std::size_t sent = 0;
        for (; now == step::more && sent < 1'000'000; sent += 1000) {
            feed(parser, std::string(1000, '1'));
            now = parser.next();
        }
        CHECK(now == step::broken);
        CHECK(sent < 100'000);
        CHECK(parser.why().find("too big") != std::string::npos);
    }
}

TEST_CASE("a request that is too large is read past in bounded memory, and the next one counts") {
    // scenario K147
    const std::string value(1 << 20, 'v');
    const std::string large =
        "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1048576\r\n" + value + "\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n";
    request_parser parser(4096);
    std::vector<std::string> seen;
    std::size_t most = 0;
    for (std::size_t at = 0; at < large.size(); at += 1000) {
        feed(parser, std::string_view(large).substr(at, 1000));
        for (step now = parser.next(); now != step::more; now = parser.next()) {
            REQUIRE(now != step::broken);
            seen.push_back((now == step::too_large ? "too large " : "") + words_of(parser)[0]);
        }
        most = std::max(most, parser.buffered());
    }
    CHECK(seen == lines{"too large SET", "GET"});
    CHECK(most < 10'000);
}

TEST_CASE("headers of arguments that are read past are not kept either") {
    // scenario K147: zeros before a length make a header as long as a line may be
    request_parser parser(4096);
    feed(parser, "*1000\r\n");
    std::size_t most = 0;
    for (int k = 0; k < 1000; ++k) {
        feed(parser, "$" + std::string(10'000, '0') + "1\r\nx\r\n");
        const step now = parser.next();
        REQUIRE(now == (k == 999 ? step::too_large : step::more));
        most = std::max(most, parser.held());
    }
    CHECK(most < 30'000);
    feed(parser, "PING\r\n");
    REQUIRE(parser.next() == step::request);
    CHECK(words_of(parser) == lines{"PING"});
}

TEST_CASE("blank lines cost no stack") {
    request_parser parser(4096);
    feed(parser, std::string(4u << 20, '\n') + "PING\r\n");
    REQUIRE(parser.next() == step::request);
    CHECK(words_of(parser) == lines{"PING"});
}

TEST_CASE("a name that is too long to be kept is not kept in part") {
    const std::string bytes = "*2\r\n$130\r\n" + std::string(130, 'x') + "\r\n$1\r\ny\r\nPING\r\n";
    for (std::size_t at_a_time = 1; at_a_time <= bytes.size(); ++at_a_time) {
        CHECK(parse(bytes, at_a_time, 5) == lines{"too large:", "[PING]", "more"});
    }
}

TEST_CASE("the limit is of a whole request") {
    // scenario K147: many small arguments are as large as one
    std::string many = "*101\r\n$4\r\nMGET\r\n";
    for (int i = 0; i < 100; ++i) many += "$100\r\n" + std::string(100, 'x') + "\r\n";
    many += "PING\r\n";
    for (const std::size_t at_a_time : {1u, 7u, 100'000u}) {
        CHECK(parse(many, at_a_time, 4096).back() == "more");
        CHECK(parse(many, at_a_time, 4096)[0].starts_with("too large:[MGET]"));
        CHECK(parse(many, at_a_time, 4096)[1] == "[PING]");
        CHECK(parse(many, at_a_time, 65536)[0].starts_with("[MGET][xxx"));
    }
}

TEST_CASE("words with escapes are what Redis makes of them") {
    std::vector<std::string> words;
    CHECK(kvd::split_inline(R"(  a "b\x41\n\t\"" '\n' "" c\x41 )", words));
    CHECK(words == lines{"a", "bA\n\t\"", "\\n", "", "c\\x41"});
    words.clear();
    CHECK_FALSE(kvd::split_inline("\"a", words));
    CHECK_FALSE(kvd::split_inline("'a'b", words));
}

TEST_CASE("replies differ between the protocols only where they must") {
    const auto written = [](int protocol) {
        std::string into;
        kvd::reply_writer out(into, protocol);
        out.status("OK");
        out.error("ERR no");
        out.integer(-3);
        out.bulk("a\r\nb");
        out.null();
        out.null_array();
        out.map(1);
        out.set(2);
        out.verbatim("x");
        return into;
    };
    const std::string same = "+OK\r\n-ERR no\r\n:-3\r\n$4\r\na\r\nb\r\n";
    CHECK(written(2) == same + "$-1\r\n*-1\r\n*2\r\n*2\r\n$1\r\nx\r\n");
    CHECK(written(3) == same + "_\r\n_\r\n%1\r\n~2\r\n=5\r\ntxt:x\r\n");
}
