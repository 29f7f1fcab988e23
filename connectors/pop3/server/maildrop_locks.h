// One POP3 session per maildrop (RFC 1939 §4, "exclusive-access lock"), for the whole process.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_set>

namespace mailstead::pop3 {

// Thread-safe. Must be held by a shared_ptr: holds keep it alive.
class MaildropLocks : public std::enable_shared_from_this<MaildropLocks> {
 public:
  // Released when it goes; may outlive the session that took it, on any thread.
  class Hold {
   public:
    Hold(std::shared_ptr<MaildropLocks> locks, std::string user) : locks_(std::move(locks)), user_(std::move(user)) {}
    Hold(Hold&& other) noexcept = default;
    Hold& operator=(Hold&& other) noexcept = delete;
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;
    ~Hold() {
      if (locks_) locks_->release(user_);
    }

   private:
    std::shared_ptr<MaildropLocks> locks_;
    std::string user_;
  };

  // nullopt: another session has it.
  [[nodiscard]] std::optional<Hold> try_hold(const std::string& user);

 private:
  void release(const std::string& user) noexcept;

  std::mutex mutex_;
  std::unordered_set<std::string> held_;
};

}  // namespace mailstead::pop3
