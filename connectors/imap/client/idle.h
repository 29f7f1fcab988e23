// IDLE (RFC 2177): waiting for news on the selected folder without a thread.
#pragma once

#include <chrono>

#include "connectors/imap/client/session.h"

namespace mailstead::imap {

inline constexpr std::chrono::minutes kIdleRenewal{28};  // below the 29 of RFC 2177 §3

class Idle final : private ResponseHandler {
 public:
  // `known`: how many messages the folder held when it was last looked at; `news`: there is some already.
  Idle(Session& session, std::uint32_t known, bool news) : session_(session), known_(known), news_(news) {}

  // Sends IDLE and waits for "+". False: the server refuses.
  [[nodiscard]] bool begin();
  // Reads what is there, without waiting for more. True: news. Throws kTemporary/kSession when the connection is dead
  // or the server ended the wait by itself.
  [[nodiscard]] bool look();
  // DONE, and the command's end.
  void end();

  [[nodiscard]] bool waiting() const noexcept { return tag_ != 0; }
  [[nodiscard]] bool news() const noexcept { return news_; }
  [[nodiscard]] mail::SteadyTime renew_at() const noexcept { return since_ + kIdleRenewal; }

 private:
  bool untagged(const Response& response) override;
  void drain();
  [[nodiscard]] bool readable() const;

  Session& session_;
  std::uint32_t known_;
  bool news_;
  Tag tag_ = 0;
  mail::SteadyTime since_{};
};

}  // namespace mailstead::imap
