// Asks rspamd for a verdict: POST /checkv2 of its HTTP protocol, one request over a connection of its own.
#pragma once

#include <string>
#include <vector>

#include "connectors/net/deadline.h"
#include "connectors/net/stream.h"
#include "mail/content.h"
#include "mail/secret.h"
#include "mail/spam_verdict.h"

namespace mailstead::http {

struct RspamdRequest {
  std::string authority;            // Host
  std::string target = "/checkv2";  // behind a proxy with another path
  mail::Secret password;            // empty: none is sent
  const mail::Content& content;
  std::string sender;                   // of the envelope; "" unknown or null
  std::vector<std::string> recipients;  // of the envelope
};

// Throws Failure: of the stream; kProtocol/kSession for an answer that is none; kAuthentication/kAccount for 401 and
// 403; kTemporary/kMessage for another refusal.
[[nodiscard]] mail::SpamVerdict ask_rspamd(net::Stream& stream, const RspamdRequest& message,
                                           const net::Deadline& deadline);

// Out of the JSON that it answers; throws Failure(kProtocol, kSession) for what is none.
[[nodiscard]] mail::SpamVerdict read_rspamd_verdict(const std::string& answer);

}  // namespace mailstead::http
