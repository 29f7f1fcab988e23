// The IMAP4rev1 retriever (RFC 3501, 9051 names): what `retrieval::Retriever` promises, over IMAP.
//
// Only `UID` commands and `BODY.PEEK[]`; never a sequence number, never a flag before the sink says "durable". Message
// bodies go from the wire's buffer to the sink; memory is bounded by one line (64 KiB), the small literals of one
// response and the listing of one folder's new UIDs.
#pragma once

#include <memory>
#include <string>

#include "connectors/net/dial.h"
#include "connectors/retrieval.h"

namespace mailstead::imap {

// `remembered` is what remembered() of an earlier retriever of the same account said, or empty.
[[nodiscard]] std::unique_ptr<retrieval::Retriever> make_retriever(retrieval::AccountSettings settings,
                                                                   retrieval::Dialer dialer = net::dial,
                                                                   std::string remembered = {});

}  // namespace mailstead::imap
