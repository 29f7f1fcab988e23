#include "mail/parameters.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/encoded_word.h"
#include "mail/structure.h"

namespace mailstead::mail {
namespace {

class RawParser {
 public:
  explicit RawParser(std::string_view text) : rest_(text) {}

  std::string value() {
    std::string value;
    while (true) {
      bool gap = skip_gap();
      if (rest_.empty() || rest_.front() == ';') break;
      // "text/plain charset=…": the separator was forgotten.
      if (gap && rest_.front() != '/' && !value.ends_with('/') && value.find('/') != std::string::npos) break;
      if (rest_.front() == '"') {
        value.append(quoted());
      } else {
        value.push_back(lower(rest_.front()));
        rest_.remove_prefix(1);
      }
    }
    for (char& c : value) c = lower(c);
    return value;
  }

  // The next "; name = value"; false at the end.
  bool next(std::string& name, std::string& value) {
    while (true) {
      skip_gap();
      if (rest_.empty()) return false;
      if (rest_.front() != ';') break;
      rest_.remove_prefix(1);
    }
    name.clear();
    while (!rest_.empty() && rest_.front() != '=' && rest_.front() != ';') {
      if (!is_space(rest_.front())) name.push_back(lower(rest_.front()));
      rest_.remove_prefix(1);
      skip_gap();
    }
    value.clear();
    if (!rest_.empty() && rest_.front() == '=') {
      rest_.remove_prefix(1);
      skip_gap();
      value = !rest_.empty() && rest_.front() == '"' ? quoted() : bare();
      skip_to_separator();
    }
    return true;
  }

 private:
  bool skip_gap() {
    bool any = false;
    while (!rest_.empty()) {
      if (is_space(rest_.front())) {
        rest_.remove_prefix(1);
      } else if (rest_.front() != '(' || !comments_close_ || !skip_comment()) {
        break;
      }
      any = true;
    }
    return any;
  }

  bool skip_comment() {
    std::size_t depth = 0;
    for (std::size_t i = 0; i < rest_.size(); ++i) {
      if (rest_[i] == '\\') {
        ++i;
      } else if (rest_[i] == '(') {
        ++depth;
      } else if (rest_[i] == ')' && --depth == 0) {
        rest_.remove_prefix(i + 1);
        return true;
      }
    }
    comments_close_ = false;  // looked for once: linear
    return false;
  }

  // At a quote; one that is never closed runs to the end.
  std::string quoted() {
    std::string text;
    std::size_t i = 1;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      if (rest_[i] != '\r' && rest_[i] != '\n') text.push_back(rest_[i]);
    }
    rest_.remove_prefix(std::min(i + 1, rest_.size()));
    return text;
  }

  // Up to ";": names with blanks come without quotes. A trailing comment does not count.
  std::string bare() {
    std::string text;
    while (!rest_.empty() && rest_.front() != ';') {
      if (rest_.front() == '(' && !text.empty() && is_blank(text.back()) && comments_close_ && skip_comment()) continue;
      if (rest_.front() != '\r' && rest_.front() != '\n') text.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    while (!text.empty() && is_blank(text.back())) text.pop_back();
    return text;
  }

  void skip_to_separator() {
    std::size_t end = rest_.find(';');
    rest_.remove_prefix(std::min(end, rest_.size()));
  }

  std::string_view rest_;
  bool comments_close_ = true;
};

// "name*1*" of RFC 2231 §3 and §4.
struct SectionName {
  std::string_view base;
  unsigned section = 0;
  bool numbered = false;
  bool extended = false;  // percent-encoded
};

SectionName split_name(std::string_view name) {
  SectionName result{name};
  if (result.base.ends_with('*')) {
    result.extended = true;
    result.base.remove_suffix(1);
  }
  std::size_t star = result.base.rfind('*');
  if (star == std::string_view::npos || star + 1 == result.base.size()) return result;
  std::string_view digits = result.base.substr(star + 1);
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), result.section);
  if (error == std::errc() && end == digits.data() + digits.size()) {
    result.numbered = true;
    result.base = result.base.substr(0, star);
  }
  return result;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int high = text[i] == '%' && i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
    int low = high >= 0 ? hex_value(text[i + 2]) : -1;
    if (low >= 0) {
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// charset'language'text; without the two marks it is all text.
std::string_view take_charset(std::string_view& value) {
  std::size_t first = value.find('\'');
  std::size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return {};
  std::string_view charset = value.substr(0, first);
  value.remove_prefix(second + 1);
  return charset;
}

struct Section {
  unsigned number;
  bool extended;
  std::string_view value;
};

// Joined up to the first gap in the numbers; the charset stands in the first section.
std::string join_sections(std::vector<Section>& sections) {
  std::stable_sort(sections.begin(), sections.end(),
                   [](const Section& a, const Section& b) { return a.number < b.number; });
  std::string bytes;
  std::string_view charset;
  bool extended = false;
  unsigned expected = 0;
  for (Section& section : sections) {
    if (section.number != expected) {
      if (section.number + 1 == expected) continue;  // the same number again
      break;
    }
    if (expected == 0 && section.extended) charset = take_charset(section.value);
    extended = extended || section.extended;
    bytes.append(section.extended ? percent_decoded(section.value) : std::string(section.value));
    ++expected;
  }
  return extended ? to_utf8(bytes, charset) : decode_encoded_words(bytes);
}

}  // namespace

RawParameters parse_raw_parameters(std::string_view raw_value, std::size_t limit) {
  RawParser parser(raw_value);
  RawParameters result;
  result.value = parser.value();
  std::string name;
  std::string value;
  while (result.parameters.size() < limit && parser.next(name, value)) {
    if (!name.empty()) result.parameters.emplace_back(std::move(name), std::move(value));
  }
  return result;
}

std::string decoded_parameter(const std::vector<std::pair<std::string, std::string>>& raw, std::string_view name) {
  std::vector<Section> sections;
  const std::string* plain = nullptr;
  for (const auto& [key, value] : raw) {
    SectionName parts = split_name(key);
    if (parts.base != name) continue;
    if (!parts.numbered && !parts.extended) {
      if (plain == nullptr) plain = &value;
    } else {
      sections.push_back({parts.section, parts.extended, value});
    }
  }
  if (!sections.empty()) {
    std::string joined = join_sections(sections);
    if (!joined.empty() || plain == nullptr) return joined;
  }
  return plain != nullptr ? decode_encoded_words(*plain) : std::string();
}

ParameterizedValue parse_parameterized(std::string_view raw_value, const ParseLimits& limits) {
  RawParameters raw = parse_raw_parameters(raw_value, limits.rfc2231_parameters);
  ParameterizedValue result;
  result.value = guess_utf8(raw.value);
  for (const auto& [key, value] : raw.parameters) {
    std::string name = guess_utf8(split_name(key).base);
    if (!result.parameter(name).empty()) continue;
    bool known = std::any_of(result.parameters.begin(), result.parameters.end(),
                             [&](const Parameter& parameter) { return parameter.name == name; });
    if (!known) result.parameters.push_back({name, decoded_parameter(raw.parameters, split_name(key).base)});
  }
  return result;
}

std::string_view ParameterizedValue::parameter(std::string_view name) const noexcept {
  for (const Parameter& parameter : parameters) {
    if (parameter.name == name) return parameter.value;
  }
  return {};
}

}  // namespace mailstead::mail
