// Which folders an account has (LIST, RFC 3501 §6.3.8; with options RFC 5258, RFC 6154, RFC 5819), in one round trip.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/session.h"

namespace mailstead::imap {

struct ListQuery {
  std::vector<std::string> patterns{"*"};  // of LIST, on the wire
  bool subscribed = false;                 // Folder::subscribed is wanted
  std::string status_items;                // "MESSAGES UIDNEXT": Folder::status is wanted; empty: not
};

// The folders that fit, by name, each once. Folder::status is filled where the server offers LIST-STATUS; see
// mailbox_status.h for the rest. What the server refuses of its own announcement is asked for again without.
// Throws kLimit above 20,000, kTemporary/kAccount when the server refuses LIST itself.
[[nodiscard]] std::vector<Folder> list_folders(Session& session, const ListQuery& query, AccountMemory& memory);

// Of the extensions that RFC 9051 Appendix E made part of IMAP4rev2.
[[nodiscard]] bool offers(Session& session, std::string_view extension);
[[nodiscard]] bool offers_list_status(Session& session, const AccountMemory& memory);

}  // namespace mailstead::imap
