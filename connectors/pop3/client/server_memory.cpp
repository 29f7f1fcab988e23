#include "connectors/pop3/client/server_memory.h"

#include <algorithm>

#include "connectors/pop3/codec/number.h"
#include "mail/ascii.h"
#include "mail/escape.h"

namespace mailstead::pop3 {
namespace {

constexpr unsigned kFailuresToGiveUp = 2;
constexpr std::chrono::hours kGivenUpFor{24 * 30};
constexpr std::chrono::hours kFreshFor{24 * 7};
constexpr std::size_t kMaxMemory = 8192;  // octets; a list of mechanisms without end is not kept

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

std::uint64_t number_in(std::string_view text, std::uint64_t most) {
  return std::min(parse_number(text).value_or(0), most);
}

mail::WallTime time_in(std::string_view text) {
  return mail::WallTime(std::chrono::seconds(number_in(text, 1ULL << 40U)));
}

std::string seconds_of(mail::WallTime time) {
  return std::to_string(time.time_since_epoch().count());
}

std::string encode_trial(std::string_view name, const Trial& trial) {
  if (trial.failures == 0) return {};
  return " " + std::string(name) + "=" + std::to_string(trial.failures) + "@" + seconds_of(trial.last);
}

Trial decode_trial(std::string_view value) {
  std::size_t at = std::min(value.find('@'), value.size());
  Trial trial;
  trial.failures = static_cast<unsigned>(number_in(value.substr(0, at), kFailuresToGiveUp));
  if (at < value.size()) trial.last = time_in(value.substr(at + 1));
  return trial;
}

template <typename Visit>
void for_each_part(std::string_view list, Visit&& visit) {
  while (!list.empty()) {
    std::size_t comma = std::min(list.find(','), list.size());
    if (comma > 0) visit(list.substr(0, comma));
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

std::string encode_capabilities(const Capabilities& capabilities) {
  std::string has = " has=", sasl;
  for (const Flag& flag : kFlags) {
    if (capabilities.*flag.member) has += std::string(has.size() > 5 ? "," : "") + std::string(flag.name);
  }
  for (const std::string& mechanism : capabilities.mechanisms) {
    bool plain =
        std::all_of(mechanism.begin(), mechanism.end(), [](char c) { return c > ' ' && c < 0x7F && c != ','; });
    if (plain) sasl += (sasl.empty() ? " sasl=" : ",") + mechanism;
  }
  if (capabilities.login_delay.count() > 0) has += " login-delay=" + std::to_string(capabilities.login_delay.count());
  if (capabilities.expire_days) has += " expire=" + std::to_string(*capabilities.expire_days);
  return has + sasl;
}

void take(ServerMemory& memory, std::string_view key, std::string_view value) {
  Capabilities& capabilities = memory.capabilities;
  if (key == "server") memory.server = value;
  if (key == "capa-failures") memory.capa_failures = static_cast<unsigned>(number_in(value, kFailuresToGiveUp));
  if (key == "pipelining-failures") memory.pipelining = decode_trial(value);
  if (key == "login-failures") memory.login_pipeline = decode_trial(value);
  if (key == "asked") memory.asked = time_in(value);
  if (key == "messages") memory.messages = number_in(value, UINT64_MAX);
  if (key == "vanished") memory.vanished = true;
  if (key == "told-expiry") memory.told_expiry = static_cast<std::uint32_t>(number_in(value, UINT32_MAX));
  if (key == "login-delay") capabilities.add("LOGIN-DELAY " + std::string(value));
  if (key == "expire") capabilities.add("EXPIRE " + std::string(value));
  if (key == "sasl")
    for_each_part(value, [&](std::string_view name) { capabilities.add("SASL " + std::string(name)); });
  if (key != "has") return;
  capabilities.known = true;
  for_each_part(value, [&](std::string_view name) { capabilities.add(name); });
}

std::string_view mode_of(net::TlsMode mode) {
  return mode == net::TlsMode::kNone ? "none" : mode == net::TlsMode::kStartTls ? "starttls" : "implicit";
}

}  // namespace

bool Trial::given_up(mail::WallTime now) const noexcept {
  return failures >= kFailuresToGiveUp && now < last + kGivenUpFor;
}

void Trial::fail(mail::WallTime now, unsigned weight) noexcept {
  failures = std::min(failures + weight, kFailuresToGiveUp);
  last = now;
}

bool ServerMemory::is_fresh(mail::WallTime now) const noexcept {
  return capabilities.known && now < asked + kFreshFor && now >= asked;
}

std::string ServerMemory::encode() const {
  std::string text;
  if (!server.empty()) text += " server=" + server;
  if (capa_failures > 0) text += " capa-failures=" + std::to_string(capa_failures);
  text += encode_trial("pipelining-failures", pipelining);
  text += encode_trial("login-failures", login_pipeline);
  if (told_expiry) text += " told-expiry=" + std::to_string(*told_expiry);
  if (messages > 0) text += " messages=" + std::to_string(messages);
  if (vanished) text += " vanished=1";
  if (capabilities.known) {
    std::string more = encode_capabilities(capabilities) + " asked=" + seconds_of(asked);
    if (text.size() + more.size() <= kMaxMemory) text += more;
  }
  return text.empty() ? text : text.substr(1);
}

ServerMemory ServerMemory::decode(std::string_view text) {
  ServerMemory memory;
  text = text.substr(0, kMaxMemory);
  while (!text.empty()) {
    std::string_view word = take_word(text);
    std::size_t equals = word.find('=');
    if (equals != std::string_view::npos) take(memory, word.substr(0, equals), word.substr(equals + 1));
  }
  memory.capabilities.lines.clear();
  return memory;
}

void ServerMemory::belong_to(const net::Endpoint& endpoint) {
  std::string name =
      endpoint.unix_socket.empty() ? endpoint.host + ":" + std::to_string(endpoint.port) : endpoint.unix_socket;
  name += "/" + std::string(mode_of(endpoint.tls));
  std::replace_if(name.begin(), name.end(), mail::is_blank, '_');
  if (!server.empty() && server != name) *this = {};
  server = std::move(name);
}

}  // namespace mailstead::pop3
