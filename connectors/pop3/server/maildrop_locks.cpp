#include "connectors/pop3/server/maildrop_locks.h"

#include "connectors/pop3/server/session.h"

namespace mailstead::pop3 {

std::shared_ptr<MaildropLocks> make_maildrop_locks() {
  return std::make_shared<MaildropLocks>();
}

std::optional<MaildropLocks::Hold> MaildropLocks::try_hold(const std::string& user) {
  std::lock_guard lock(mutex_);
  if (!held_.insert(user).second) return std::nullopt;
  return std::make_optional<Hold>(shared_from_this(), user);
}

void MaildropLocks::release(const std::string& user) noexcept {
  std::lock_guard lock(mutex_);
  held_.erase(user);
}

}  // namespace mailstead::pop3
