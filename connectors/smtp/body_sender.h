// Streams a message through the body encoder into the conversation, in blocks; memory for two blocks.
//
// In two parts, since what is sent last decides whether the server has the message: all_but_end leaves at least the
// final dot unsent.
#pragma once

#include <chrono>
#include <string>

#include "connectors/smtp/body_encoder.h"
#include "connectors/smtp/chat.h"
#include "mail/content.h"

namespace mailstead::smtp {

class BodySender {
 public:
  BodySender(Chat& chat, std::chrono::milliseconds block_wait) : chat_(chat), block_wait_(block_wait) {}

  // Throws what the conversation throws, and Failure(kStorage) for content that cannot be read whole.
  void send_all_but_end(const mail::Content& content);
  void send_end();
  // Whether the last Failure came from writing to the server.
  [[nodiscard]] bool write_failed() const noexcept { return writing_; }

 private:
  void encode(std::string_view bytes);
  void flush();

  Chat& chat_;
  std::chrono::milliseconds block_wait_;
  BodyEncoder encoder_;
  std::string encoded_;
  bool writing_ = false;
};

}  // namespace mailstead::smtp
