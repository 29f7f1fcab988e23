#include "connectors/pop3/codec/capabilities.h"

#include <algorithm>

#include "connectors/pop3/codec/number.h"
#include "mail/escape.h"
#include "mail/header.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kMaxCapabilities = 200;

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return result;
}

struct Flag {
  std::string_view name;
  bool Capabilities::*member;
};
constexpr Flag kFlags[] = {
    {"STLS", &Capabilities::stls},
    {"PIPELINING", &Capabilities::pipelining},
    {"UIDL", &Capabilities::uidl},
    {"TOP", &Capabilities::top},
    {"USER", &Capabilities::user},
    {"RESP-CODES", &Capabilities::response_codes},
    {"AUTH-RESP-CODE", &Capabilities::authentication_codes},
    {"UTF8", &Capabilities::utf8},
};

// "LOGIN-DELAY 900", "LOGIN-DELAY 900 USER" (another value may hold once the user is known).
std::chrono::seconds login_delay_of(std::string_view arguments) {
  auto seconds = parse_number(take_word(arguments)).value_or(0);
  constexpr std::uint64_t kLongest = std::chrono::seconds(kLongestLoginDelay).count();
  return std::chrono::seconds(std::min(seconds, kLongest));
}

// "EXPIRE 60", "EXPIRE NEVER", "EXPIRE 30 USER". What cannot be read promises nothing.
std::optional<std::uint32_t> expire_days_of(std::string_view arguments) {
  auto days = parse_number(take_word(arguments));
  if (!days || *days > 36'500) return std::nullopt;
  return static_cast<std::uint32_t>(*days);
}

}  // namespace

void Capabilities::add(std::string_view line) {
  if (lines.size() >= kMaxCapabilities) return;
  lines.push_back(mail::printable(line, 200));
  std::string_view name = take_word(line);
  for (const Flag& flag : kFlags) {
    if (mail::iequals(name, flag.name)) this->*flag.member = true;
  }
  if (mail::iequals(name, "LOGIN-DELAY")) login_delay = login_delay_of(line);
  if (mail::iequals(name, "EXPIRE")) expire_days = expire_days_of(line);
  if (!mail::iequals(name, "SASL")) return;
  while (!line.empty() && mechanisms.size() < kMaxCapabilities) {
    std::string mechanism = upper(take_word(line));
    if (std::find(mechanisms.begin(), mechanisms.end(), mechanism) == mechanisms.end()) mechanisms.push_back(mechanism);
  }
}

}  // namespace mailstead::pop3
