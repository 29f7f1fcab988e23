// One object of the configuration while it is read: typed access by key, each fault reported at its place, unknown keys
// found at once. A value that does not fit comes back as if it were not there.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "agent/config/document.h"
#include "mail/limits.h"

namespace mailstead::agent {

// Where reading reports to.
struct Reading {
  const Document& document;
  std::vector<Fault>& faults;
};

class Section {
 public:
  // `kind` is a name of known_keys().
  Section(const nlohmann::json& value, std::string pointer, std::string_view kind, Reading& reading);

  [[nodiscard]] bool has(std::string_view key) const;
  [[nodiscard]] const nlohmann::json* find(std::string_view key) const;
  [[nodiscard]] const std::string& pointer() const noexcept { return pointer_; }
  [[nodiscard]] std::string pointer_to(std::string_view key) const;
  [[nodiscard]] Reading& reading() const noexcept { return reading_; }

  // A fault at the key, or at the section itself when `key` is "".
  void fault(std::string_view key, std::string what, std::string hint = {});
  // Reports a key that must be there.
  bool require(std::string_view key, std::string hint = {});

  [[nodiscard]] std::optional<std::string> text(std::string_view key);  // not empty, no control characters
  [[nodiscard]] std::vector<std::string> texts(std::string_view key);   // one or a list
  [[nodiscard]] std::optional<bool> flag(std::string_view key);
  [[nodiscard]] std::optional<std::uint64_t> count(std::string_view key, std::uint64_t least, std::uint64_t most);
  [[nodiscard]] std::optional<mail::ByteCount> size(std::string_view key);
  [[nodiscard]] std::optional<std::chrono::seconds> duration(std::string_view key, std::chrono::seconds least,
                                                             std::chrono::seconds most);
  [[nodiscard]] std::vector<std::chrono::seconds> durations(std::string_view key, std::chrono::seconds least,
                                                            std::chrono::seconds most);  // one or a list
  [[nodiscard]] std::optional<std::string> path(std::string_view key);                   // absolute
  // One word out of `words`; those of `later` are known but refused by this version.
  template <typename Choice, std::size_t N>
  [[nodiscard]] std::optional<Choice> choice(std::string_view key,
                                             const std::array<std::pair<std::string_view, Choice>, N>& words,
                                             const std::vector<std::string_view>& later = {}) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : words) names.push_back(name);
    auto index = word(key, names, later);
    if (!index) return std::nullopt;
    return words[*index].second;
  }

 private:
  [[nodiscard]] std::optional<std::chrono::seconds> duration_of(std::string_view key, const std::string& written,
                                                                std::chrono::seconds least, std::chrono::seconds most);
  [[nodiscard]] std::optional<std::size_t> word(std::string_view key, const std::vector<std::string_view>& words,
                                                const std::vector<std::string_view>& later);
  [[nodiscard]] std::optional<std::string> item_text(const nlohmann::json& value, const std::string& pointer);
  void fault_at(const std::string& pointer, std::string what, std::string hint = {});

  const nlohmann::json& value_;
  std::string pointer_;
  std::string_view kind_;
  Reading& reading_;
};

// `"…"`, printable and shortened.
[[nodiscard]] std::string in_quotes(std::string_view text);
// `did you mean "…"?`, or "".
template <typename Range>
[[nodiscard]] std::string suggestion(std::string_view word, const Range& candidates);
[[nodiscard]] std::string suggestion_of(std::string_view word, const std::vector<std::string>& candidates);

template <typename Range>
std::string suggestion(std::string_view word, const Range& candidates) {
  return suggestion_of(word, std::vector<std::string>(candidates.begin(), candidates.end()));
}

// The keys of a map, for suggestions.
template <typename Map>
[[nodiscard]] std::vector<std::string> names_in(const Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  return names;
}

}  // namespace mailstead::agent
