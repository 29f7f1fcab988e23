// What is switched on right after the sign-in, without a round trip of its own: UTF8=ACCEPT (RFC 6855) by ENABLE
// (RFC 5161), and COMPRESS=DEFLATE (RFC 4978).
//
// IMAP4rev2 is understood where a server speaks nothing else, but not enabled beside IMAP4rev1: it would change the
// form of answers and bring nothing to retrieval. CONDSTORE and QRESYNC are enabled where a folder is followed with
// them.
#pragma once

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/session.h"
#include "connectors/retrieval.h"

namespace mailstead::imap {

// Into the flight that is gathering. Waits for ENABLE's answer only when a configured folder's name is not plain ASCII:
// how it is to be written depends on it.
void begin_extensions(Session& session, const retrieval::AccountSettings& settings, AccountMemory& memory);

}  // namespace mailstead::imap
