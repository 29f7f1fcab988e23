// From a dialled connection to the TRANSACTION state: greeting, STLS, CAPA, authentication, in as few flights as the
// server is known to bear.
#pragma once

#include <memory>
#include <string>

#include "connectors/pop3/client/connection.h"
#include "connectors/pop3/client/server_memory.h"
#include "connectors/pop3/codec/capabilities.h"
#include "connectors/retrieval.h"

namespace mailstead::pop3 {

// What has been asked already when the session begins: the answers come next, in this order.
struct Asked {
  bool uidl = false, list = false;
};

struct SignedIn {
  std::unique_ptr<Connection> connection;
  Capabilities capabilities;  // as announced after TLS
  std::string greeting;       // printable
  std::string mechanism;      // "PLAIN", "APOP", "USER/PASS"
  Asked asked;
};

struct SessionWish {
  bool lists = false;        // UIDL will be asked first: it may travel with the sign-in
  bool wants_sizes = false;  // and LIST with it
  bool one_by_one = false;   // no pipelining whatever is announced
  bool fresh = false;        // CAPA is asked even if its answer is remembered
  mail::WallTime now{};
};

// Never falls back to less protection than the settings ask for, and no password leaves before TLS is there. Where the
// capabilities are remembered CAPA goes along with the sign-in; where PIPELINING is announced, so does the listing. A
// server that hangs or hangs up on CAPA is dialled a second time and not asked; one that loses what came along with the
// sign-in is dialled again and served one by one, which is remembered. Failures as sign_in_failure(); kConfiguration
// for a password that cannot be sent.
[[nodiscard]] SignedIn sign_in(const retrieval::AccountSettings& settings, const retrieval::Dialer& dialer,
                               ServerMemory& memory, const SessionWish& wish, const net::Deadline& total);

}  // namespace mailstead::pop3
