// APPENDs that a client sent one behind the other without waiting: kept together, in one commit, and answered each with
// its own tag.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "connectors/imap/server/task.h"
#include "storage/mail_store.h"

namespace mailstead::imap {

class AppendBatch {
 public:
  using Told = std::vector<std::pair<std::string, Answer>>;  // tag and answer, in the order of the commands

  [[nodiscard]] bool empty() const noexcept { return commands_.empty(); }
  // Whether another one may join: into the same mailbox, within bounds.
  [[nodiscard]] bool takes(const std::string& mailbox) const noexcept;
  void add(std::string tag, const std::string& mailbox, std::vector<storage::Upload> messages);
  // The answer to one that came in between and was refused.
  void add(std::string tag, Answer refused);
  [[nodiscard]] std::size_t messages() const noexcept { return messages_; }
  [[nodiscard]] mail::ByteCount octets() const noexcept { return octets_; }
  // Keeps all, and each by itself where that fails. Empty afterwards.
  [[nodiscard]] Told keep(storage::MailStore& store, const std::string& user);

 private:
  struct Command {
    std::string tag;
    std::vector<storage::Upload> messages;
    std::optional<Answer> refused;
  };
  std::string mailbox_;
  std::vector<Command> commands_;
  std::size_t messages_ = 0;
  mail::ByteCount octets_ = 0;
};

}  // namespace mailstead::imap
