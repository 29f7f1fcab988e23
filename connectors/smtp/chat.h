// One side of an SMTP or LMTP conversation over a stream: commands out, replies in, each within its time. It knows
// bytes and deadlines, no states and no meaning. One thread at a time. Throws Failure when the conversation is broken.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/deadline.h"
#include "connectors/net/stream.h"
#include "connectors/smtp/reply_decoder.h"

namespace mailstead::smtp {

class Chat {
 public:
  Chat(std::unique_ptr<net::Stream> stream, net::Deadline deadline);
  ~Chat();
  Chat(const Chat&) = delete;
  Chat& operator=(const Chat&) = delete;

  // For all that follows, whatever the waits of the single calls.
  void set_deadline(net::Deadline deadline) { deadline_ = std::move(deadline); }

  void send(std::string_view bytes, std::chrono::milliseconds wait);
  [[nodiscard]] WireReply read_reply(std::chrono::milliseconds wait);
  // The peer's words came in the clear up to here: anything after them is refused (RFC 3207 §6).
  void start_tls(const net::TlsSettings& settings, const std::string& host, std::chrono::milliseconds wait);

  [[nodiscard]] std::uint64_t replies() const noexcept { return replies_; }
  [[nodiscard]] std::optional<connectors::ChannelBinding> channel_binding() const { return stream_->channel_binding(); }
  [[nodiscard]] std::optional<net::TlsFacts> tls() const { return stream_->tls(); }
  [[nodiscard]] std::string peer() const { return stream_->peer(); }

 private:
  std::unique_ptr<net::Stream> stream_;
  net::BufferedReader reader_;
  net::Deadline deadline_;
  ReplyDecoder decoder_;
  std::uint64_t replies_ = 0;
};

}  // namespace mailstead::smtp
