// The POP3 side of retrieval (RFC 1939, 2449, 2595, 5034): one session per poll, UIDL against the ledger, RETR in
// pipelined windows, DELE only for what is durable, and deletions believed only after the +OK to QUIT.
//
// It is no IDLE: start_waiting() always returns nullopt. kSeen and kMove do not exist in POP3 and act as kKeep.
// `remembered` is what remembered() returned in an earlier process (a server that hangs on CAPA is asked only once).
#pragma once

#include <memory>
#include <string>

#include "connectors/retrieval.h"

namespace mailstead::pop3 {

[[nodiscard]] std::unique_ptr<retrieval::Retriever> make_retriever(retrieval::AccountSettings settings,
                                                                   retrieval::Dialer dialer = net::dial,
                                                                   std::string remembered = {});

}  // namespace mailstead::pop3
