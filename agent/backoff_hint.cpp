#include "agent/backoff_hint.h"

#include "mail/ascii.h"

#include <algorithm>
#include <array>
#include <string>

namespace mailstead::agent {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// Behind these words stands a length of time.
constexpr std::array<std::string_view, 6> kLeads{
    "suggested backoff time", "try again in", "try again after", "retry in", "retry after", "wait"};

struct Unit {
  std::string_view word;  // its beginning
  milliseconds length;
};
// The longer beginning first.
constexpr std::array<Unit, 5> kUnits{
    {{"ms", milliseconds(1)}, {"milli", milliseconds(1)}, {"s", seconds(1)}, {"m", minutes(1)}, {"h", hours(1)}}};

// Servers that name no time, with what their makers write of it.
struct Saying {
  std::string_view words;
  seconds wait;
};
constexpr std::array<Saying, 13> kSayings{{
    {"[overquota]", hours(1)},  // Gmail puts it before its bandwidth words, too
    {"bandwidth limit", hours(1)},
    {"command or bandwidth", hours(1)},
    {"quota exceeded", hours(1)},
    {"[limit]", minutes(10)},
    {"too many simultaneous connections", minutes(10)},
    {"too many connections", minutes(10)},
    {"maximum number of connections", minutes(10)},
    {"rate limit", minutes(10)},
    {"throttled", minutes(10)},
    {"[unavailable]", minutes(2)},
    {"[in-use]", minutes(2)},
    {"[inuse]", minutes(2)},
}};

std::optional<milliseconds> length_at(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && (text[i] == ' ' || text[i] == ':' || text[i] == '=')) ++i;
  std::int64_t number = 0;
  const std::size_t digits = i;
  constexpr std::int64_t kEnough = 1'000'000'000'000;
  for (; i < text.size() && mail::is_digit(text[i]); ++i) number = std::min(kEnough, number * 10 + (text[i] - '0'));
  if (i == digits) return std::nullopt;
  while (i < text.size() && text[i] == ' ') ++i;
  const std::string_view rest = text.substr(i);
  for (const Unit& unit : kUnits)
    if (rest.starts_with(unit.word)) return std::min<milliseconds>(kLongestHint, unit.length * number);
  return std::nullopt;
}

}  // namespace

std::optional<seconds> backoff_hint(std::string_view words) {
  const std::string text = mail::lowered(words);
  for (std::string_view lead : kLeads)
    for (auto at = text.find(lead); at != std::string::npos; at = text.find(lead, at + 1))
      if (const auto length = length_at(std::string_view(text).substr(at + lead.size())))
        return std::max(seconds(1), std::chrono::ceil<seconds>(*length));
  std::optional<seconds> longest;
  for (const Saying& saying : kSayings)
    if (text.find(saying.words) != std::string::npos) longest = std::max(longest.value_or(saying.wait), saying.wait);
  return longest;
}

}  // namespace mailstead::agent
