#include "connectors/imap/server/append_batch.h"

#include <span>

#include "connectors/imap/server/conversation.h"
#include "connectors/imap/server/uid_list.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

// Each message may hold a spool file open.
constexpr std::size_t kMaxMessages = 100;
constexpr mail::ByteCount kMaxOctets = mail::ByteCount{16} * 1024 * 1024;

Answer appended(std::uint32_t uid_validity, std::span<const storage::Uid> uids) {
  return ok("[APPENDUID " + std::to_string(uid_validity) + " " + uid_list({uids.begin(), uids.end()}) +
            "] Append completed.");
}

}  // namespace

bool AppendBatch::takes(const std::string& mailbox) const noexcept {
  return commands_.empty() ||
         (mailbox == mailbox_ && commands_.size() < kMaxMessages && messages_ < kMaxMessages && octets_ < kMaxOctets);
}

void AppendBatch::add(std::string tag, const std::string& mailbox, std::vector<storage::Upload> messages) {
  mailbox_ = mailbox;
  messages_ += messages.size();
  for (const storage::Upload& one : messages) octets_ += one.content.bytes->size();
  commands_.push_back({std::move(tag), std::move(messages), std::nullopt});
}

void AppendBatch::add(std::string tag, Answer refused) {
  commands_.push_back({std::move(tag), {}, std::move(refused)});
}

AppendBatch::Told AppendBatch::keep(storage::MailStore& store, const std::string& user) {
  const std::vector<Command> commands = std::exchange(commands_, {});
  messages_ = 0;
  octets_ = 0;
  Told told;
  if (commands.size() > 1) {
    std::vector<storage::Upload> all;
    for (const Command& command : commands) all.insert(all.end(), command.messages.begin(), command.messages.end());
    try {
      const auto kept = store.append_all(user, mailbox_, std::move(all));
      if (kept.answer == storage::MailboxAnswer::kDone) {
        std::span<const storage::Uid> uids = kept.uids;
        for (const Command& command : commands) {
          told.emplace_back(command.tag, command.refused
                                             ? *command.refused
                                             : appended(kept.uid_validity, uids.first(command.messages.size())));
          uids = uids.subspan(command.messages.size());
        }
        return told;
      }
    } catch (const mail::Failure&) {
      // One of them may be the reason: each by itself.
    }
  }
  for (const Command& command : commands) {
    if (command.refused) {
      told.emplace_back(command.tag, *command.refused);
      continue;
    }
    try {
      const auto kept = store.append_all(user, mailbox_, command.messages);
      told.emplace_back(command.tag, kept.answer == storage::MailboxAnswer::kDone
                                         ? appended(kept.uid_validity, kept.uids)
                                         : target_refusal(kept.answer));
    } catch (const mail::Failure& failure) {
      told.emplace_back(command.tag, refusal(failure));
    }
  }
  return told;
}

}  // namespace mailstead::imap
