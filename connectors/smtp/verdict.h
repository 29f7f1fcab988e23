// What a server's reply means for the message and for the session. The one file of policy: the wire is in chat.h, the
// order of commands in greeting.h and transaction.h.
#pragma once

#include "connectors/destination.h"
#include "connectors/smtp/reply_decoder.h"

namespace mailstead::smtp {

enum class Stage { kGreeting, kHello, kStartTls, kMail, kRecipient, kData, kBody, kReset };

struct Verdict {
  delivery::Reply::Kind kind = delivery::Reply::Kind::kTemporary;
  bool end_session = false;  // the server leaves (421), or the two no longer speak of the same thing
};

[[nodiscard]] Verdict judge(Stage stage, const WireReply& reply) noexcept;

// The reply as it is kept: enhanced code (RFC 2034) split off, lines joined, printable, ≤ mail::kMaxRemoteText.
[[nodiscard]] delivery::Reply kept_reply(const WireReply& reply, delivery::Reply::Kind kind);

// One of ours, without the remote's code.
[[nodiscard]] delivery::Reply own_reply(delivery::Reply::Kind kind, std::string enhanced, std::string text);

}  // namespace mailstead::smtp
