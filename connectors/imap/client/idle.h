// IDLE (RFC 2177): one connection waits, without a thread, for news of the selected folder, and with NOTIFY of others.
#pragma once

#include <chrono>

#include "connectors/imap/client/notify.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

class Idle final : private ResponseHandler {
 public:
  // `selected` is the folder that the session has open; what arrives in it, or comes as STATUS of `others`, goes to
  // `news`. All references outlive this.
  Idle(Session& session, std::string selected, const std::vector<Folder>& others, FolderNews& news)
      : session_(session), selected_(std::move(selected)), others_(others), news_(news) {}

  // Sends IDLE and waits for "+". False: the server refuses.
  [[nodiscard]] bool begin();
  // Reads what is there, without waiting for more. Throws kTemporary/kSession when the connection is dead. A server
  // that ends the wait by itself (QUIRK, several) leaves waiting() false: begin() again.
  void look();
  // DONE, and the command's end.
  void end();

  [[nodiscard]] bool waiting() const noexcept { return tag_ != 0; }
  // How many times in a row the server has ended the wait almost at once.
  [[nodiscard]] unsigned hasty_ends() const noexcept { return hasty_ends_; }
  [[nodiscard]] const std::string& selected() const noexcept { return selected_; }
  [[nodiscard]] std::chrono::seconds silent_for(mail::SteadyTime now) const noexcept {
    return std::chrono::duration_cast<std::chrono::seconds>(now - since_);
  }
  [[nodiscard]] mail::SteadyTime since() const noexcept { return since_; }

 private:
  bool untagged(const Response& response) override;
  void drain();
  [[nodiscard]] bool readable() const;

  Session& session_;
  const std::string selected_;
  const std::vector<Folder>& others_;
  FolderNews& news_;
  Tag tag_ = 0;
  unsigned hasty_ends_ = 0;
  mail::SteadyTime since_{};
};

}  // namespace mailstead::imap
