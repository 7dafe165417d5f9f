#pragma once
// One line of a trace: a flat JSON object. Values are unsigned numbers, plain words and lists of
// numbers, which is all that a state transition needs; so the reader is a page long, depends on
// nothing, and refuses everything else with the column where it stopped.
//
//   {"event":"persist","node":2,"ticket":7,"term":3,"vote":1,"first":5,"terms":[3,3],...}

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <raftkit/base/ordinal.hpp>
#include <raftkit/base/result.hpp>

RAFTKIT_NAMESPACE_BEGIN

namespace testing {

enum class trace_kind : u8 { number, word, list };

struct trace_field {
    std::string name;
    trace_kind kind = trace_kind::number;
    u64 number = 0;
    std::string word;
    std::vector<u64> list;
};

class trace_line {
public:
    trace_line() = default;
    explicit trace_line(std::string_view event) { word("event", event); }

    trace_line& number(std::string_view name, u64 value) {
        fields_.push_back({std::string(name), trace_kind::number, value, {}, {}});
        return *this;
    }
    template <class Tag>
    trace_line& number(std::string_view name, ordinal<Tag> value) {
        return number(name, value.value);
    }
    // Requires: a name of letters, digits and underscores.
    trace_line& word(std::string_view name, std::string_view value) {
        fields_.push_back({std::string(name), trace_kind::word, 0, std::string(value), {}});
        return *this;
    }
    trace_line& list(std::string_view name, std::vector<u64> values) {
        fields_.push_back({std::string(name), trace_kind::list, 0, {}, std::move(values)});
        return *this;
    }

    const std::vector<trace_field>& fields() const noexcept { return fields_; }
    std::vector<trace_field>& fields() noexcept { return fields_; }
    const trace_field* find(std::string_view name) const noexcept {
        for (const trace_field& each : fields_) {
            if (each.name == name) return &each;
        }
        return nullptr;
    }
    std::string_view event() const noexcept {
        const trace_field* found = find("event");
        return found != nullptr ? std::string_view(found->word) : std::string_view();
    }
    std::string text() const;

    // An error: `where` says what is wrong, `detail` is the column from 1.
    static result<trace_line> parse(std::string_view text);

private:
    std::vector<trace_field> fields_;
};

inline std::string trace_line::text() const {
    std::string made = "{";
    for (const trace_field& each : fields_) {
        if (made.size() > 1) made += ',';
        made += '"' + each.name + "\":";
        if (each.kind == trace_kind::number) made += std::to_string(each.number);
        if (each.kind == trace_kind::word) made += '"' + each.word + '"';
        if (each.kind != trace_kind::list) continue;
        made += '[';
        for (std::size_t at = 0; at < each.list.size(); ++at) {
            if (at != 0) made += ',';
            made += std::to_string(each.list[at]);
        }
        made += ']';
    }
    return made + "}";
}

class trace_reader {
public:
    explicit trace_reader(std::string_view text) noexcept : text_(text) {}

    result<trace_line> line() {
        trace_line made;
        if (!take('{')) return wrong("trace: a line is one object");
        do {
            trace_field field;
            if (!take_word(field.name)) return wrong("trace: a name of letters in quotes");
            if (made.find(field.name) != nullptr) return wrong("trace: the same name twice");
            if (!take(':')) return wrong("trace: a colon behind the name");
            if (!take_value(field)) return wrong("trace: a number, a word or a list of numbers");
            made.fields().push_back(std::move(field));
        } while (take(','));
        if (!take('}')) return wrong("trace: the object does not end");
        skip_blanks();
        if (at_ != text_.size()) return wrong("trace: something behind the object");
        if (made.event().empty()) return wrong("trace: no event is named");
        return made;
    }

private:
    error wrong(const char* what) const noexcept { return {errc::corrupt, 0, what, at_ + 1}; }
    void skip_blanks() noexcept {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\r')) ++at_;
    }
    bool take(char wanted) noexcept {
        skip_blanks();
        if (at_ >= text_.size() || text_[at_] != wanted) return false;
        ++at_;
        return true;
    }
    static bool is_letter(char c) noexcept {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    }
    bool take_word(std::string& into) {
        if (!take('"')) return false;
        while (at_ < text_.size() && is_letter(text_[at_])) into += text_[at_++];
        return !into.empty() && at_ < text_.size() && text_[at_++] == '"';
    }
    bool take_number(u64& into) noexcept {
        skip_blanks();
        const std::size_t begin = at_;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
            const u64 digit = static_cast<u64>(text_[at_] - '0');
            if (into > (~u64{0} - digit) / 10) return false;
            into = into * 10 + digit;
        }
        return at_ > begin && (text_[begin] != '0' || at_ == begin + 1);
    }
    bool take_value(trace_field& into) {
        skip_blanks();
        if (at_ < text_.size() && text_[at_] == '"') {
            into.kind = trace_kind::word;
            return take_word(into.word);
        }
        if (!take('[')) return take_number(into.number);
        into.kind = trace_kind::list;
        if (take(']')) return true;
        do {
            u64 number = 0;
            if (!take_number(number)) return false;
            into.list.push_back(number);
        } while (take(','));
        return take(']');
    }

    std::string_view text_;
    std::size_t at_ = 0;
};

inline result<trace_line> trace_line::parse(std::string_view text) {
    return trace_reader(text).line();
}

}  // namespace testing

RAFTKIT_NAMESPACE_END
