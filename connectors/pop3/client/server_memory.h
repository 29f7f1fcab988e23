// What is remembered of a server between polls and processes, as one opaque word list.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/net/dial.h"
#include "connectors/pop3/codec/capabilities.h"
#include "mail/clock.h"

namespace mailstead::pop3 {

// Something that the server announces and may be bad at. Given up after two failures, for a month.
struct Trial {
  unsigned failures = 0;
  mail::WallTime last{};

  [[nodiscard]] bool given_up(mail::WallTime now) const noexcept;
  void fail(mail::WallTime now, unsigned weight = 1) noexcept;
};

struct ServerMemory {
  std::string server;  // whose memory it is: name_of_server(); "" fits any
  // Sessions in a row in which the server hung or closed the connection on CAPA. From two on it is not asked again.
  unsigned capa_failures = 0;
  Trial pipelining;      // sessions that broke while several commands were in flight, and did not one by one
  Trial login_pipeline;  // sessions in which what was sent along with the sign-in got lost
  // The last answer to CAPA before a sign-in, and when; `known` is false without one. No lines.
  Capabilities capabilities;
  mail::WallTime asked{};
  std::optional<std::uint32_t> told_expiry;  // the user was warned of this EXPIRE
  std::uint64_t messages = 0;                // in the last listing
  bool vanished = false;                     // the last listing had lost everything at once

  [[nodiscard]] bool asks_capabilities() const noexcept { return capa_failures < 2; }
  // The capabilities may stand for a CAPA of this session.
  [[nodiscard]] bool is_fresh(mail::WallTime now) const noexcept;

  [[nodiscard]] std::string encode() const;
  [[nodiscard]] static ServerMemory decode(std::string_view text);  // unknown words are ignored
  // Forgets all when it belongs to another server.
  void belong_to(const net::Endpoint& endpoint);
};

}  // namespace mailstead::pop3
