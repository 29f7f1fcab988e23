// storage/history.h on SQLite.
#pragma once

#include "storage/history.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteHistory final : public History {
 public:
  explicit SqliteHistory(const Database& database) : database_(database) {}
  [[nodiscard]] std::vector<MessageHistory> by_message_id(const std::string& message_id) const override;
  [[nodiscard]] std::optional<MessageHistory> by_id(MessageId id) const override;
  [[nodiscard]] std::vector<MessageHistory> search(const std::string& text, std::size_t limit) const override;
  [[nodiscard]] std::vector<PlacedMessage> placed(MailboxId mailbox) const override;
  [[nodiscard]] std::optional<ContentId> content_of(MessageId message) const override;
  void add(MessageId message, const HistoryEvent& event) override;
  void add_all(const std::vector<std::pair<MessageId, HistoryEvent>>& events) override;

 private:
  const Database& database_;
};

}  // namespace mailstead::storage::sqlite
