// RETR of many messages, several in flight, into the sink.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/maildrop.h"
#include "connectors/retrieval.h"

namespace mailstead::pop3 {

struct DownloadLimits {
  bool pipelining = false;
  mail::ByteCount window_bytes = 0;  // by the sizes that LIST gave
  mail::ByteCount max_message = 0;
};

// What becomes of each message. Called in order.
struct DownloadEvents {
  std::function<retrieval::Incoming(const ListedMessage&)> describe;
  std::function<void(const ListedMessage&, mail::ByteCount)> fetched;
  // Its answer is waited for; nullptr: of none any more.
  std::function<void(const ListedMessage*)> expecting;
  std::function<void(const ListedMessage&, const Reply& reply)> refused;  // -ERR; the others go on
  std::function<void(const ListedMessage&)> oversized;                    // larger than max_message after all
};

// True: all of `wanted` were asked for and answered. False: an oversized one was broken off, the connection is of no
// more use and those behind it were not received. On a Failure the message in hand was aborted at the sink.
[[nodiscard]] bool download(Connection& connection, const std::vector<const ListedMessage*>& wanted,
                            const DownloadLimits& limits, const DownloadEvents& events, retrieval::MessageSink& sink);

}  // namespace mailstead::pop3
