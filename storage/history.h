// Where did that mail go: the history of each message.
#pragma once

#include <string>
#include <vector>

#include "storage/acceptance.h"
#include "storage/types.h"

namespace mailstead::storage {

struct MessageHistory {
  MessageId id = 0;
  SourceRef source;
  std::string message_id, from, subject;
  mail::ByteCount size = 0;
  mail::WallTime internal_date;
  MessageId duplicate_of = 0;
  std::vector<HistoryEvent> events;    // in order
  std::vector<std::string> placed_in;  // "alice/Lists/boost", where it lies now
};

// A message that the agent placed in a mailbox.
struct PlacedMessage {
  Uid uid = 0;
  MessageId message = 0;
};

// Thread-safe. Throws Failure(kStorage, kProcess).
class History {
 public:
  virtual ~History() = default;
  // By Message-ID header (with or without angle brackets), oldest first; duplicates are entries of their own.
  [[nodiscard]] virtual std::vector<MessageHistory> by_message_id(const std::string& message_id) const = 0;
  [[nodiscard]] virtual std::optional<MessageHistory> by_id(MessageId id) const = 0;
  // Newest first, those whose subject, from or Message-ID contains `text` (ASCII case-insensitive).
  [[nodiscard]] virtual std::vector<MessageHistory> search(const std::string& text, std::size_t limit) const = 0;
  // Those in a mailbox that the agent placed there, wherever they were moved since; ascending UID.
  [[nodiscard]] virtual std::vector<PlacedMessage> placed(MailboxId mailbox) const = 0;
  // Its bytes, in one of the forms that are kept; nullopt: none is kept any more.
  [[nodiscard]] virtual std::optional<ContentId> content_of(MessageId message) const = 0;
  virtual void add(MessageId message, const HistoryEvent& event) = 0;
  // In one transaction.
  virtual void add_all(const std::vector<std::pair<MessageId, HistoryEvent>>& events) = 0;
};

}  // namespace mailstead::storage
