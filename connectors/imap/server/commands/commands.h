// The commands, one file each; command_table.cpp says when they are allowed.
#pragma once

#include "connectors/imap/server/conversation.h"

namespace mailstead::imap::commands {

// Any state.
Outcome capability(Conversation& session, Request& request);
Outcome noop(Conversation& session, Request& request);
Outcome logout(Conversation& session, Request& request);
Outcome id(Conversation& session, Request& request);

// Before the sign-in.
Outcome starttls(Conversation& session, Request& request);
Outcome login(Conversation& session, Request& request);
Outcome authenticate(Conversation& session, Request& request);

// Signed in.
Outcome compress(Conversation& session, Request& request);
Outcome enable(Conversation& session, Request& request);
Outcome select(Conversation& session, Request& request);
Outcome examine(Conversation& session, Request& request);
Outcome create(Conversation& session, Request& request);
Outcome remove(Conversation& session, Request& request);
Outcome rename(Conversation& session, Request& request);
Outcome subscribe(Conversation& session, Request& request);
Outcome unsubscribe(Conversation& session, Request& request);
Outcome list(Conversation& session, Request& request);
Outcome lsub(Conversation& session, Request& request);
Outcome status(Conversation& session, Request& request);
Outcome get_quota(Conversation& session, Request& request);
Outcome get_quota_root(Conversation& session, Request& request);
Outcome name_space(Conversation& session, Request& request);
Outcome append(Conversation& session, Request& request);
Outcome idle(Conversation& session, Request& request);

// With a mailbox selected.
Outcome check(Conversation& session, Request& request);
Outcome close(Conversation& session, Request& request);
Outcome unselect(Conversation& session, Request& request);
Outcome expunge(Conversation& session, Request& request);
Outcome replace(Conversation& session, Request& request);
Outcome search(Conversation& session, Request& request);
Outcome sort(Conversation& session, Request& request);
Outcome thread(Conversation& session, Request& request);
Outcome fetch(Conversation& session, Request& request);
Outcome store(Conversation& session, Request& request);
Outcome copy(Conversation& session, Request& request);
Outcome move(Conversation& session, Request& request);

}  // namespace mailstead::imap::commands
