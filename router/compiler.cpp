#include "router/compiler.h"

#include "mail/escape.h"
#include "mail/units.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::router {
namespace {

constexpr std::size_t kShownText = 80;

std::string_view kind_of(const nlohmann::json& value) {
  if (value.is_null()) return "null";
  if (value.is_boolean()) return value.get<bool>() ? "true" : "false";
  if (value.is_number()) return "a number";
  if (value.is_string()) return "a string";
  return value.is_array() ? "a list" : "an object";
}

template <typename Range>
std::string suggestion(std::string_view word, const Range& candidates) {
  std::vector<std::string> all(candidates.begin(), candidates.end());
  std::string found = mail::nearest(word, all);
  return found.empty() ? std::string() : "did you mean " + in_quotes(found) + "?";
}

}  // namespace

Compiler::Step::Step(std::string& pointer, std::string_view token) : pointer_(pointer), length_(pointer.size()) {
  pointer_ += '/';
  for (char c : token) {
    if (c == '~') {
      pointer_ += "~0";
    } else if (c == '/') {
      pointer_ += "~1";
    } else {
      pointer_ += c;
    }
  }
}

Compiler::Step Compiler::step(std::size_t index) {
  return {pointer_, std::to_string(index)};
}

Compiler::Step Compiler::item(const nlohmann::json& value, std::size_t index) {
  if (value.is_array()) return step(index);
  return Step(pointer_);
}

void Compiler::problem(std::string what, std::string hint) {
  problems_.push_back({pointer_, std::move(what), std::move(hint)});
}

bool Compiler::is_object(const nlohmann::json& value, std::string_view what) {
  if (value.is_object()) return true;
  problem(std::string(what) + " is an object in braces, not " + std::string(kind_of(value)));
  return false;
}

std::optional<std::string> Compiler::text(const nlohmann::json& value) {
  if (value.is_string()) {
    if (const auto& found = value.get_ref<const std::string&>(); !found.empty()) return found;
    problem("is empty");
    return std::nullopt;
  }
  problem("must be a string, not " + std::string(kind_of(value)));
  return std::nullopt;
}

std::vector<std::string> Compiler::texts(const nlohmann::json& value) {
  std::vector<std::string> found;
  if (!value.is_array()) {
    if (!value.is_string()) {
      problem("must be a string or a list of strings, not " + std::string(kind_of(value)));
    } else if (auto one = text(value)) {
      found.push_back(*one);
    }
    return found;
  }
  if (value.empty()) problem("is an empty list, which nothing can match");
  for (std::size_t i = 0; i < value.size(); ++i) {
    auto at = step(i);
    if (auto one = text(value[i])) found.push_back(*one);
  }
  return found;
}

std::optional<bool> Compiler::boolean(const nlohmann::json& value) {
  if (value.is_boolean()) return value.get<bool>();
  problem("must be true or false, not " + std::string(kind_of(value)));
  return std::nullopt;
}

bool Compiler::is_true(const nlohmann::json& value) {
  if (value.is_boolean() && value.get<bool>()) return true;
  problem("must be true, not " + std::string(kind_of(value)));
  return false;
}

void Compiler::check_keys(const nlohmann::json& object, std::span<const std::string_view> allowed,
                          std::string_view owner) {
  for (const auto& [key, value] : object.items()) {
    if (std::find(allowed.begin(), allowed.end(), key) != allowed.end()) continue;
    auto at = step(key);
    std::string hint = did_you_mean(key, allowed);
    if (hint.empty()) hint = "there are " + enumerated(allowed);
    problem("unknown key " + in_quotes(key) + " in " + std::string(owner), hint);
  }
}

std::string in_quotes(std::string_view text) {
  return '"' + mail::printable(text, kShownText) + '"';
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates) {
  return suggestion(word, candidates);
}

std::string did_you_mean(std::string_view word, const std::set<std::string>& candidates) {
  return suggestion(word, candidates);
}

std::string enumerated(std::span<const std::string_view> words) {
  std::string out;
  for (auto word : words) {
    if (!out.empty()) out += ", ";
    out += word;
  }
  return out;
}

}  // namespace mailstead::router
