#include "resp.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace kvd {

namespace {

constexpr std::size_t inline_bytes_max = 64 * 1024;
constexpr std::int64_t arguments_max = 1024 * 1024;
constexpr std::int64_t bulk_bytes_max = 512ll * 1024 * 1024;
constexpr std::size_t name_bytes_kept = 128;  // of a request that is read past

bool parse_integer(std::string_view text, std::int64_t& value) {
    const auto [end, why] = std::from_chars(text.data(), text.data() + text.size(), value);
    return why == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

request_parser::step request_parser::broken(std::string why) {
    why_ = std::move(why);
    return step::broken;
}

request_parser::step request_parser::next() {
    if (!why_.empty()) return step::broken;
    if (left_ == 0) {
        start_ = scanned_ = at_;
        if (at_ == filled_ || start_ > 64 * 1024) compact();
        const step begun = begin();
        if (begun != step::request || left_ == 0) return begun;
    }
    return read_arguments();
}

request_parser::step request_parser::begin() {
    for (;;) {
        if (at_ == filled_) return step::more;
        if (input_[at_] != '*') {
            const step said = inline_request();
            if (said != step::request || !args_.empty()) return said;
            start_ = scanned_ = at_;  // a blank line asks nothing
            continue;
        }
        std::string_view line;
        if (!take_line(line)) {
            return filled_ - at_ > inline_bytes_max
                       ? broken("Protocol error: too big mbulk count string")
                       : step::more;
        }
        std::int64_t count = 0;
        if (!parse_integer(line.substr(1), count) || count > arguments_max) {
            return broken("Protocol error: invalid multibulk length");
        }
        start_ = scanned_ = at_;
        if (count <= 0) continue;  // an empty request asks nothing
        left_ = count;
        bulk_ = -1;
        bytes_ = 0;
        skipping_ = false;
        kept_ = true;
        first_ = true;
        keep_to_ = at_;
        places_.clear();
        return step::request;
    }
}

request_parser::step request_parser::inline_request() {
    std::string_view line;
    if (!take_line(line)) {
        return filled_ - at_ > inline_bytes_max ? broken("Protocol error: too big inline request")
                                                : step::more;
    }
    std::vector<std::string> words;
    if (!split_inline(line, words)) return broken("Protocol error: unbalanced quotes in request");
    // The words move into the input's place: they are never longer than the line they came from.
    std::size_t place = start_;
    args_.clear();
    places_.clear();
    for (const std::string& word : words) {
        std::copy(word.begin(), word.end(), input_.begin() + static_cast<std::ptrdiff_t>(place));
        places_.emplace_back(place, word.size());
        place += word.size();
    }
    for (const auto& [offset, length] : places_) args_.emplace_back(input_.data() + offset, length);
    return step::request;
}

request_parser::step request_parser::read_arguments() {
    while (left_ > 0) {
        if (bulk_ < 0) {
            std::string_view line;
            if (!take_line(line)) {
                return filled_ - at_ > inline_bytes_max
                           ? broken("Protocol error: too big bulk count string")
                           : more();
            }
            if (line.empty() || line[0] != '$') {
                return broken(std::string("Protocol error: expected '$', got '") +
                              (line.empty() ? ' ' : line[0]) + "'");
            }
            std::int64_t length = 0;
            if (!parse_integer(line.substr(1), length) || length < 0 || length > bulk_bytes_max) {
                return broken("Protocol error: invalid bulk length");
            }
            bulk_ = length;
            bytes_ += static_cast<std::size_t>(length) + line.size() + 4;
            skipping_ |= bytes_ > request_max_;
            // Decided once: what is read past shrinks, and must not begin to look like a name.
            kept_ = !skipping_ || (first_ && static_cast<std::size_t>(length) <= name_bytes_kept);
            first_ = false;
        }
        const std::size_t wanted = static_cast<std::size_t>(bulk_) + 2;
        if (filled_ - at_ < wanted) {
            if (!kept_) {
                const std::size_t here = std::min(filled_ - at_, static_cast<std::size_t>(bulk_));
                at_ += here;
                bulk_ -= static_cast<std::int64_t>(here);
            }
            return more();
        }
        if (kept_) {
            places_.emplace_back(at_, wanted - 2);
            keep_to_ = at_ + wanted;
        }
        at_ += wanted;
        scanned_ = at_;
        bulk_ = -1;
        --left_;
    }
    args_.clear();
    for (const auto& [offset, length] : places_) args_.emplace_back(input_.data() + offset, length);
    return skipping_ ? step::too_large : step::request;
}

// In the middle of a request. Of one that is read past, headers and arguments go once for all that
// arrived together.
request_parser::step request_parser::more() {
    if (!skipping_) return step::more;
    const std::size_t gone = at_ - keep_to_;
    input_.erase(keep_to_, gone);
    filled_ -= gone;
    at_ -= gone;
    scanned_ = std::max(scanned_, at_ + gone) - gone;
    return step::more;
}

bool request_parser::take_line(std::string_view& line) {
    const std::size_t from = std::max(scanned_, at_);
    const std::size_t end = std::string_view(input_.data(), filled_).find('\n', from);
    if (end == std::string_view::npos) {
        scanned_ = filled_;
        return false;
    }
    line = std::string_view(input_.data() + at_, end - at_);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    at_ = scanned_ = end + 1;
    return true;
}

// Between requests: what was used up goes, so that a busy connection's buffer stays small.
void request_parser::compact() {
    filled_ -= start_;
    if (filled_ != 0) std::memmove(input_.data(), input_.data() + start_, filled_);
    at_ = start_ = scanned_ = 0;
    if (filled_ == 0 && input_.capacity() > 1024 * 1024) input_ = {};
}

bool split_inline(std::string_view line, std::vector<std::string>& words) {
    const auto hex = [](char c) {
        if (c >= '0' && c <= '9') return c - '0';
        if (c >= 'a' && c <= 'f') return c - 'a' + 10;
        if (c >= 'A' && c <= 'F') return c - 'A' + 10;
        return -1;
    };
    std::size_t at = 0;
    const auto space = [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); };
    for (;;) {
        while (at < line.size() && space(line[at])) ++at;
        if (at == line.size()) return true;
        std::string word;
        const char quote = line[at] == '"' || line[at] == '\'' ? line[at++] : '\0';
        for (;; ++at) {
            if (at == line.size()) {
                if (quote != '\0') return false;
                break;
            }
            const char c = line[at];
            if (quote == '\0' && space(c)) break;
            if (quote != '\0' && c == quote) {
                ++at;
                if (at < line.size() && !space(line[at])) return false;
                break;
            }
            if (quote == '"' && c == '\\' && at + 1 < line.size()) {
                const char escaped = line[++at];
                if (escaped == 'x' && at + 2 < line.size() && hex(line[at + 1]) >= 0 &&
                    hex(line[at + 2]) >= 0) {
                    word += static_cast<char>(hex(line[at + 1]) * 16 + hex(line[at + 2]));
                    at += 2;
                    continue;
                }
                const std::string_view names = "nrtba", bytes = "\n\r\t\b\a";
                const std::size_t known = names.find(escaped);
                word += known == std::string_view::npos ? escaped : bytes[known];
                continue;
            }
            if (quote == '\'' && c == '\\' && at + 1 < line.size() && line[at + 1] == '\'') ++at;
            word += line[at];
        }
        words.push_back(std::move(word));
    }
}

void reply_writer::line(char kind, std::string_view text) {
    into_->push_back(kind);
    into_->append(text);
    into_->append("\r\n");
}

void reply_writer::bulk(std::string_view bytes) {
    line('$', std::to_string(bytes.size()));
    into_->append(bytes);
    into_->append("\r\n");
}

void reply_writer::null() { into_->append(protocol_ == 3 ? "_\r\n" : "$-1\r\n"); }

void reply_writer::null_array() { into_->append(protocol_ == 3 ? "_\r\n" : "*-1\r\n"); }

void reply_writer::map(std::size_t pairs) {
    if (protocol_ == 3) {
        line('%', std::to_string(pairs));
    } else {
        array(2 * pairs);
    }
}

void reply_writer::verbatim(std::string_view text) {
    if (protocol_ != 3) return bulk(text);
    line('=', std::to_string(text.size() + 4));
    into_->append("txt:");
    into_->append(text);
    into_->append("\r\n");
}

}  // namespace kvd
