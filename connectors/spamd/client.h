// Asks SpamAssassin's spamd for a verdict: SYMBOLS of its protocol (SPAMC/1.5, spamd/PROTOCOL of its source), one
// request over a connection of its own. The server is only asked, never told: nothing is learned or reported.
#pragma once

#include <string>

#include "connectors/net/deadline.h"
#include "connectors/net/stream.h"
#include "mail/content.h"
#include "mail/spam_verdict.h"

namespace mailstead::spamd {

inline constexpr std::size_t kMaxSymbols = 64 * 1024;  // octets

// `user`: whose preferences count; "" nobody's. Throws Failure: of the stream; kProtocol/kSession for an answer that is
// none or has more than kMaxSymbols; kTemporary/kMessage for a refusal, such as EX_TIMEOUT.
[[nodiscard]] mail::SpamVerdict ask(net::Stream& stream, const std::string& user, const mail::Content& message,
                                    const net::Deadline& deadline);

}  // namespace mailstead::spamd
