// When an account is polled, where it waits for news, and how many connections that may take.
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr std::array<std::string_view, 7> kDays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};
constexpr std::size_t kMaxWindows = 100;
constexpr std::size_t kMaxConnections = 1'000'000;

std::optional<std::size_t> day_number(std::string_view word) {
  const auto found = std::find(kDays.begin(), kDays.end(), mail::lowered(word));
  if (found == kDays.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kDays.begin());
}

// "mon" or "mon-fri", "sat-mon" too.
bool add_days(std::string_view text, std::array<bool, 7>& days) {
  const auto dash = text.find('-');
  const auto first = day_number(text.substr(0, dash));
  const auto last = dash == std::string_view::npos ? first : day_number(text.substr(dash + 1));
  if (!first || !last) return false;
  for (std::size_t day = *first;; day = (day + 1) % days.size()) {
    days[day] = true;
    if (day == *last) return true;
  }
}

// "07:00"; "24:00" too.
std::optional<std::chrono::minutes> time_of_day(std::string_view text) {
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  for (std::size_t i : {0U, 1U, 3U, 4U})
    if (!mail::is_digit(text[i])) return std::nullopt;
  const int hours = (text[0] - '0') * 10 + (text[1] - '0'), minutes = (text[3] - '0') * 10 + (text[4] - '0');
  if (minutes > 59 || hours * 60 + minutes > 24 * 60) return std::nullopt;
  return std::chrono::minutes(hours * 60 + minutes);
}

bool read_hours(std::string_view text, PollWindow& window) {
  if (text.size() != 11 || text[5] != '-') return false;
  const auto from = time_of_day(text.substr(0, 5)), until = time_of_day(text.substr(6));
  if (!from || !until || *from == 24h || *from == *until) return false;
  window.from = *from;
  window.until = *until;
  return true;
}

void read_window(Section section, std::vector<PollWindow>& windows) {
  if (!section.has("days") && !section.has("hours")) section.fault({}, "needs \"days\" or \"hours\"");
  PollWindow window;
  if (section.has("days")) window.days.fill(false);
  for (const std::string& days : section.texts("days"))
    if (!add_days(days, window.days))
      section.fault("days", in_quotes(days) + " is no day of the week", R"(write "mon" or "mon-fri")");
  const auto hours = section.texts("hours");
  for (const std::string& span : hours) {
    if (!read_hours(span, window))
      section.fault("hours", in_quotes(span) + " is no span of hours", R"(write "07:00-22:00" or "22:00-06:00")");
    windows.push_back(window);
  }
  if (hours.empty()) windows.push_back(window);
}

void read_windows(Section& section, AccountConfig& account) {
  const json* value = section.find("poll_when");
  if (value == nullptr) return;
  if (!value->is_array() || value->empty() || value->size() > kMaxWindows) {
    section.fault("poll_when", "must be a list of windows", R"(such as [{"days": "mon-fri", "hours": "07:00-22:00"}])");
    return;
  }
  for (std::size_t i = 0; i < value->size(); ++i)
    read_window(
        {(*value)[i], section.pointer_to("poll_when") + '/' + std::to_string(i), "poll_when", section.reading()},
        account.poll_when);
}

}  // namespace

void read_schedule(Section& section, AccountConfig& account) {
  if (const auto poll = section.duration("poll", 5s, 30 * 24h)) account.poll = account.poll_waiting = *poll;
  read_windows(section, account);
  account.skip = section.flag("skip").value_or(false);
}

void read_idle(Section& section, AccountConfig& account) {
  IdleConfig& idle = account.idle;
  const json* value = section.find("idle");
  if (value != nullptr && value->is_array()) {
    idle.folders = section.texts("idle");
    idle.wanted = true;
  } else if (value != nullptr && *value == "force") {
    idle.wanted = idle.force = true;
  } else if (value != nullptr && !value->is_boolean()) {
    section.fault("idle", "must be true, false, \"force\" or a list of folders");
  } else {
    idle.wanted = section.flag("idle").value_or(false);
  }
  idle.connections = section.count("idle_connections", 1, 16).value_or(idle.connections);
  idle.renewal = section.duration("idle_renewal", 1min, 29min).value_or(idle.renewal);
}

void read_limits(Section& section, ConnectionLimits& limits) {
  limits.connections = section.count("connections", 1, kMaxConnections).value_or(limits.connections);
  limits.per_host = section.count("per_host", 1, kMaxConnections).value_or(limits.per_host);
  const json* hosts = section.find("hosts");
  if (hosts == nullptr) return;
  if (!hosts->is_object()) {
    section.fault("hosts", "must be an object in braces: a number for each host name");
    return;
  }
  for (const auto& [host, value] : hosts->items()) {
    const auto number = value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
    const bool fits = number >= 1 && number <= kMaxConnections;
    if (fits)
      limits.hosts[mail::lowered(host)] = number;
    else
      section.fault("hosts", "the limit of " + in_quotes(host) + " is not a whole number above 0");
  }
}

}  // namespace mailstead::agent
