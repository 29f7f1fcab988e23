#include "agent/config/section.h"

#include "agent/config/json_cursor.h"
#include "agent/config/keys.h"
#include "agent/config/paths.h"
#include "mail/escape.h"
#include "mail/units.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 4096;
const json kNothing = json::object();

std::string_view kind_of(const json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return "true or false";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "a list" : "an object";
}

template <typename Words>
std::string joined(const Words& words) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

}  // namespace

std::string in_quotes(std::string_view text) {
  return '"' + mail::printable(text, 80) + '"';
}

std::string suggestion_of(std::string_view word, const std::vector<std::string>& candidates) {
  std::string found = mail::nearest(word, candidates);
  return found.empty() ? std::string() : "did you mean " + in_quotes(found) + "?";
}

Section::Section(const json& value, std::string pointer, std::string_view kind, Reading& reading)
    : value_(value.is_object() ? value : kNothing), pointer_(std::move(pointer)), kind_(kind), reading_(reading) {
  if (!value.is_object()) {
    fault({}, "must be an object in braces, not " + std::string(kind_of(value)));
    return;
  }
  const auto& known = known_keys().at(kind);
  if (known == kAnyKey) return;
  for (const auto& [key, unused] : value.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string hint = suggestion(key, known);
    if (hint.empty()) hint = known.empty() ? "it takes none" : "there are " + joined(known);
    fault(key, "unknown key " + in_quotes(key), hint);
  }
}

bool Section::has(std::string_view key) const {
  return value_.contains(key);
}

const json* Section::find(std::string_view key) const {
  auto found = value_.find(key);
  return found == value_.end() ? nullptr : &*found;
}

std::string Section::pointer_to(std::string_view key) const {
  std::string out = pointer_;
  append_token(out, key);
  return out;
}

void Section::fault_at(const std::string& pointer, std::string what, std::string hint) {
  reading_.faults.push_back({pointer, std::move(what), std::move(hint)});
}

void Section::fault(std::string_view key, std::string what, std::string hint) {
  fault_at(key.empty() ? pointer_ : pointer_to(key), std::move(what), std::move(hint));
}

bool Section::require(std::string_view key, std::string hint) {
  if (has(key)) return true;
  if (&value_ == &kNothing) return false;  // what is no object was reported as such
  fault({}, in_quotes(key) + " is missing", std::move(hint));
  return false;
}

std::optional<std::string> Section::item_text(const json& value, const std::string& pointer) {
  if (!value.is_string()) {
    fault_at(pointer, "must be a string, not " + std::string(kind_of(value)));
    return std::nullopt;
  }
  const auto& text = value.get_ref<const std::string&>();
  bool clean =
      std::none_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (text.empty()) {
    fault_at(pointer, "is empty");
  } else if (!clean) {
    fault_at(pointer, "contains a control character");
  } else if (text.size() > kMaxText) {
    fault_at(pointer, "is longer than " + std::to_string(kMaxText) + " octets");
  } else {
    return text;
  }
  return std::nullopt;
}

std::optional<std::string> Section::text(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  return item_text(*value, pointer_to(key));
}

std::vector<std::string> Section::texts(std::string_view key) {
  std::vector<std::string> out;
  const json* value = find(key);
  if (value == nullptr) return out;
  if (!value->is_array()) {
    if (auto one = text(key)) out.push_back(*one);
    return out;
  }
  if (value->empty()) fault(key, "is an empty list");
  for (std::size_t i = 0; i < value->size(); ++i)
    if (auto one = item_text((*value)[i], pointer_to(key) + '/' + std::to_string(i))) out.push_back(*one);
  return out;
}

std::optional<bool> Section::flag(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_boolean()) return value->get<bool>();
  fault(key, "must be true or false, not " + std::string(kind_of(*value)));
  return std::nullopt;
}

std::optional<std::uint64_t> Section::count(std::string_view key, std::uint64_t least, std::uint64_t most) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  std::string range = std::to_string(least) + " to " + std::to_string(most);
  if (!value->is_number()) {
    fault(key, "must be a number from " + range + ", not " + std::string(kind_of(*value)));
    return std::nullopt;
  }
  if (value->is_number_unsigned()) {
    auto number = value->get<std::uint64_t>();
    if (number >= least && number <= most) return number;
  }
  fault(key, value->dump() + " is not a whole number from " + range);
  return std::nullopt;
}

std::optional<mail::ByteCount> Section::size(std::string_view key) {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_number_unsigned()) return value->get<mail::ByteCount>();
  auto written = text(key);
  if (!written) return std::nullopt;
  auto size = mail::parse_size(*written);
  if (!size) fault(key, in_quotes(*written) + " is not a size", R"(write "512KB" or "25MB")");
  return size;
}

std::optional<std::chrono::seconds> Section::duration(std::string_view key, std::chrono::seconds least,
                                                      std::chrono::seconds most) {
  auto written = text(key);
  if (!written) return std::nullopt;
  return duration_of(key, *written, least, most);
}

std::vector<std::chrono::seconds> Section::durations(std::string_view key, std::chrono::seconds least,
                                                     std::chrono::seconds most) {
  std::vector<std::chrono::seconds> found;
  for (const std::string& written : texts(key)) {
    if (auto one = duration_of(key, written, least, most)) found.push_back(*one);
  }
  return found;
}

std::optional<std::chrono::seconds> Section::duration_of(std::string_view key, const std::string& written,
                                                         std::chrono::seconds least, std::chrono::seconds most) {
  auto duration = mail::parse_duration(written);
  if (!duration) {
    fault(key, in_quotes(written) + " is not a duration", R"(write "90s", "5m", "2h" or "30d")");
  } else if (*duration < least || *duration > most) {
    fault(key,
          in_quotes(written) + " is not from " + mail::format_duration(least) + " to " + mail::format_duration(most));
    return std::nullopt;
  }
  return duration;
}

std::optional<std::string> Section::path(std::string_view key) {
  auto written = text(key);
  if (!written) return std::nullopt;
  return resolve_path(*written, reading_.document.file_of(pointer_to(key)).directory);
}

std::optional<std::size_t> Section::word(std::string_view key, const std::vector<std::string_view>& words,
                                         const std::vector<std::string_view>& later) {
  auto written = text(key);
  if (!written) return std::nullopt;
  auto found = std::find(words.begin(), words.end(), *written);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  if (std::find(later.begin(), later.end(), *written) != later.end()) {
    fault(key, in_quotes(*written) + " is not supported by this version yet", "there are " + joined(words));
    return std::nullopt;
  }
  fault(key, in_quotes(*written) + " is not one of " + joined(words), suggestion(*written, words));
  return std::nullopt;
}

}  // namespace mailstead::agent
