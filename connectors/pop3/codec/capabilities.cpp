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
    {"STLS", &Capabilities::stls}, {"PIPELINING", &Capabilities::pipelining},
    {"UIDL", &Capabilities::uidl}, {"TOP", &Capabilities::top},
    {"USER", &Capabilities::user},
};

}  // namespace

void Capabilities::add(std::string_view line) {
  if (lines.size() >= kMaxCapabilities) return;
  lines.push_back(mail::printable(line, 200));
  std::string_view name = take_word(line);
  for (const Flag& flag : kFlags) {
    if (mail::iequals(name, flag.name)) this->*flag.member = true;
  }
  if (!mail::iequals(name, "SASL")) return;
  while (!line.empty() && mechanisms.size() < kMaxCapabilities) {
    std::string mechanism = upper(take_word(line));
    if (std::find(mechanisms.begin(), mechanisms.end(), mechanism) == mechanisms.end()) mechanisms.push_back(mechanism);
  }
}

}  // namespace mailstead::pop3
