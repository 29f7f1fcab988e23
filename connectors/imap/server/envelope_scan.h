// Reads the kept envelopes of messages in slices: what SORT and THREAD go by. No message is opened.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "connectors/imap/server/conversation.h"
#include "mail/structure.h"

namespace mailstead::imap {

class EnvelopeScan {
 public:
  // What it answers is how many octets it keeps of the message.
  using Visit = std::function<std::size_t(std::uint32_t position, const mail::Envelope&)>;
  // Each of `positions` in order; one whose facts are missing has an empty envelope.
  EnvelopeScan(Conversation& session, std::vector<std::uint32_t> positions, Visit visit)
      : session_(session), positions_(std::move(positions)), visit_(std::move(visit)) {}
  // A slice that does not hold its worker for long. True when all were visited, or as many as may be kept.
  [[nodiscard]] bool advance();
  // More would have to be kept than one command may.
  [[nodiscard]] bool too_much() const noexcept;

 private:
  Conversation& session_;
  std::vector<std::uint32_t> positions_;
  Visit visit_;
  std::size_t next_ = 0, kept_ = 0;
};

// When a message was sent (RFC 5256 §2.2): by its Date field, or else when it came.
[[nodiscard]] std::int64_t sent_date(const mail::Envelope& envelope, const storage::Entry& entry);

}  // namespace mailstead::imap
