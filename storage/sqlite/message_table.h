// The rows of messages and their later events, for the writer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/acceptance.h"
#include "storage/sqlite/connection.h"

namespace mailstead::storage::sqlite {

struct NewMessage {
  std::int64_t folder = 0;
  const SourceRef& source;
  mail::WallTime accepted;
  mail::WallTime internal_date;
  mail::ByteCount size = 0;
  MessageId duplicate_of = 0;
  std::string_view message_id, from, subject;
  std::optional<mail::Sha256> fingerprint;
  std::optional<mail::WallTime> forget;
  const std::vector<HistoryEvent>& events;
};

class MessageTable {
 public:
  explicit MessageTable(Connection& db) : db_(db) {}
  [[nodiscard]] MessageId add(const NewMessage& message);
  // Does nothing for message 0, which stands for none.
  void add_event(MessageId message, mail::WallTime time, std::string_view kind, std::string_view text);

 private:
  Connection& db_;
};

// Without angle brackets and blanks around it, as it is stored and looked for.
[[nodiscard]] std::string_view bare_message_id(std::string_view message_id) noexcept;

}  // namespace mailstead::storage::sqlite
