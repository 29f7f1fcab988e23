// One APPEND (RFC 3501 §6.3.11) with its literal: streamed, whole or not at all.
//
// The literal goes without waiting for "+" where the server takes that (RFC 7888) and a refusal could not cost much;
// as a literal8 when the message holds a NUL and the server offers BINARY (RFC 3516), or its header is not ASCII and
// UTF8=ACCEPT is enabled (RFC 6855 §4). Memory: one chunk, whatever the size of the message.
#pragma once

#include <string>

#include "connectors/destination.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/delivery/octets.h"

namespace mailstead::imap {

struct AppendOrder {
  std::string wire;   // of the folder
  std::string flags;  // "\\Seen $Forwarded"; may be empty
  mail::WallTime internal_date;
  bool ask_first = false;  // wait for "+", so that a refusal costs nothing: the folder may not be there
};

// The server's answer; `maybe_there` becomes true when it can have the message from here on, and false again once it
// has refused it. Throws Failure: then the session is of no use; kMessage/kStorage when the message cannot be read.
[[nodiscard]] Completion append(Session& session, const AppendOrder& order, const mail::Content& content,
                                const MessageOctets& octets, const delivery::Context& context, bool& maybe_there);

}  // namespace mailstead::imap
