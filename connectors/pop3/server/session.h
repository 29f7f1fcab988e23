// Our POP3 server (RFC 1939, 2449, 1734, 5034, 2595, 3206): a user's INBOX as a maildrop, behind net::ServerSession.
//
// It knows no sockets. A maildrop is open in one session at a time, in the whole process: the factories of several
// listeners (pop3, pop3s) must be given the same `locks`.
#pragma once

#include <memory>
#include <string>

#include "connectors/net/server_session.h"
#include "connectors/sasl/doorkeeper.h"
#include "connectors/sasl/server.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::pop3 {

class MaildropLocks;  // connectors/pop3/server/maildrop_locks.h
[[nodiscard]] std::shared_ptr<MaildropLocks> make_maildrop_locks();

// What the sessions of one listener use; store and clock must outlive the factory and its sessions.
struct ServerContext {
  storage::Store& store;
  sasl::KeyLookup lookup;
  const mail::Clock& clock;
  std::string host_name;            // in the greeting
  bool starttls_available = false;  // the listener can do STLS
  std::shared_ptr<MaildropLocks> locks = make_maildrop_locks();
  sasl::Doorkeeper door = {};
};

// The factory may be copied and shared; its sessions run on any threads, each on one at a time.
[[nodiscard]] net::ServerSessionFactory make_session_factory(ServerContext context);

}  // namespace mailstead::pop3
