// Globs and regular expressions in RE2.
#include "mail/charset.h"
#include "mail/unicode.h"
#include "router/matcher.h"

#include <re2/re2.h>
#include <nlohmann/json.hpp>

namespace mailstead::router {
namespace {

RE2::Options options(bool exact_case) {
  RE2::Options made;
  made.set_log_errors(false);
  made.set_max_mem(kMaxRegexMemory);
  made.set_case_sensitive(exact_case);
  return made;
}

// The bracket expression that begins at `at` as RE2 writes it, or "" when it is not closed; `at` goes behind it.
std::string bracket(std::string_view glob, std::size_t& at) {
  std::size_t i = at + 1;
  std::string out = "[";
  if (i < glob.size() && (glob[i] == '!' || glob[i] == '^')) {
    out += '^';
    ++i;
  }
  for (bool first = true; i < glob.size(); first = false, ++i) {
    if (glob[i] == ']' && !first) {
      at = i + 1;
      return out + ']';
    }
    if (glob[i] == '\\' || glob[i] == '[' || glob[i] == ']' || glob[i] == '^') out += '\\';
    out += glob[i];
  }
  return {};
}

std::string regex_of(std::string_view glob) {
  std::string out = "(?s)\\A(?:";
  for (std::size_t i = 0; i < glob.size();) {
    char c = glob[i];
    if (c == '*') {
      out += ".*";
      while (i < glob.size() && glob[i] == '*') ++i;
      continue;
    }
    if (c == '[') {
      if (std::string set = bracket(glob, i); !set.empty()) {
        out += set;
        continue;
      }
    }
    if (c == '?') {
      out += '.';
      ++i;
      continue;
    }
    if (c == '\\' && i + 1 < glob.size()) c = glob[++i];
    std::size_t length = 1;
    while (i + length < glob.size() && (static_cast<unsigned char>(glob[i + length]) & 0xC0U) == 0x80U) ++length;
    out += RE2::QuoteMeta(re2::StringPiece(glob.data() + i, length));
    i += length;
  }
  return out + ")\\z";
}

// Where in `regex` RE2's complaint lies, as " at character N"; RE2 tells the part, not the place.
std::string place_of(const RE2& failed, const std::string& regex) {
  const std::string& part = failed.error_arg();
  if (part.empty()) return {};
  std::size_t at = regex.rfind(part);
  if (at == std::string::npos) return {};
  std::size_t characters = 1;
  for (std::size_t i = 0; i < at; ++i)
    if ((static_cast<unsigned char>(regex[i]) & 0xC0U) != 0x80U) ++characters;
  return " at character " + std::to_string(characters);
}

bool usable(std::string_view pattern, Compiler& compiler) {
  if (pattern.size() > kMaxRegexBytes) {
    compiler.problem("the pattern has " + std::to_string(pattern.size()) + " octets, the limit is " +
                     std::to_string(kMaxRegexBytes));
    return false;
  }
  if (mail::is_valid_utf8(pattern)) return true;
  compiler.problem("the pattern is not valid UTF-8");
  return false;
}

}  // namespace

std::shared_ptr<const RE2> compile_glob(std::string_view glob, bool exact_case, Compiler& compiler) {
  if (!usable(glob, compiler)) return nullptr;
  auto made = std::make_shared<const RE2>(regex_of(glob), options(exact_case));
  if (made->ok()) return made;
  compiler.problem("the pattern " + in_quotes(glob) + " cannot be used: " + made->error());
  return nullptr;
}

std::shared_ptr<const RE2> compile_regex(const std::string& regex, bool exact_case, Compiler& compiler) {
  if (!usable(regex, compiler)) return nullptr;
  auto made = std::make_shared<const RE2>(regex, options(exact_case));
  if (made->ok()) return made;
  std::string hint;
  if (regex.find("(?=") != std::string::npos || regex.find("(?!") != std::string::npos ||
      regex.find("(?<") != std::string::npos)
    hint = "RE2 has no look-ahead and look-behind; combine tests with \"all\" and \"not\" instead";
  compiler.problem(
      "the regular expression " + in_quotes(regex) + " cannot be used: " + made->error() + place_of(*made, regex),
      hint);
  return nullptr;
}

bool glob_fits(const RE2& glob, std::string_view text) {
  return RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), glob);
}

std::optional<GlobSet> GlobSet::compile(const nlohmann::json& value, bool exact_case, Compiler& compiler) {
  GlobSet made;
  made.exact_case_ = exact_case;
  std::size_t before = compiler.problems();
  made.patterns_ = compiler.texts(value);
  for (std::size_t i = 0; i < made.patterns_.size(); ++i) {
    const std::string& pattern = made.patterns_[i];
    if (pattern.find_first_of("*?[\\") == std::string::npos) {
      made.names_.insert(exact_case ? pattern : mail::fold_case(pattern));
    } else if (auto glob = compile_glob(pattern, exact_case, compiler)) {
      made.globs_.push_back(std::move(glob));
    }
  }
  if (compiler.problems() != before) return std::nullopt;
  return made;
}

std::vector<std::string> GlobSet::literals() const {
  return globs_.empty() ? folded_literals(patterns_) : std::vector<std::string>();
}

bool GlobSet::fits(Value& value) const {
  if (names_.contains(exact_case_ ? value.text() : value.folded())) return true;
  for (const auto& glob : globs_)
    if (glob_fits(*glob, value.text())) return true;
  return false;
}

}  // namespace mailstead::router
