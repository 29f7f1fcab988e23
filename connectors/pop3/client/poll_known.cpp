// What the ledger knows of a listing, beyond the UIDLs: other names, and messages that failed before.
#include <algorithm>

#include "connectors/pop3/client/poll.h"
#include "connectors/pop3/client/renaming.h"

namespace mailstead::pop3 {

void Poll::find_known(Connection& connection, bool pipelining, Maildrop& maildrop) {
  compare_with_ledger(maildrop, parts_.ledger, parts_.settings.name);
  if (looks_renamed(maildrop)) recognise_renamed(connection, pipelining, maildrop);
  retry_troubles(maildrop);
}

void Poll::recognise_renamed(Connection& connection, bool pipelining, Maildrop& maildrop) {
  ask_sizes(connection, pipelining, maildrop);
  const std::size_t missing = maildrop.gone.size();
  auto names = match_renamed(connection, pipelining, maildrop, parts_.ledger, parts_.settings.name);
  if (names.empty()) return;
  warn("the server has given its messages other UIDLs: " + std::to_string(names.size()) + " of " +
       std::to_string(missing) + " were recognised by their headers and are not fetched again");
  if (!options_.dry_run) parts_.ledger.rename_uidls(parts_.settings.name, names);
}

// Those stepped over count as known until their time comes.
void Poll::retry_troubles(Maildrop& maildrop) {
  NameSet due;
  for (auto& trouble : parts_.ledger.troubles(parts_.settings.name)) {
    if (trouble.stepped_over && trouble.next_try <= now_) due.insert(std::move(trouble.source.uidl));
  }
  if (due.empty()) return;
  for (ListedMessage& message : maildrop.messages) {
    if (message.known && due.contains(message.identity)) message.known = false;
  }
}

bool Poll::note_trouble(const std::string& identity, const std::string& reason) {
  storage::SourceRef source;
  source.account = parts_.settings.name;
  source.uidl = identity;
  const unsigned attempts = parts_.ledger.note_trouble(source, now_, reason);
  if (attempts == storage::kPoisonAttempts) {
    warn("a message failed " + std::to_string(attempts) + " times and is stepped over, to be tried again daily (" +
         reason + ")");
  }
  return attempts >= storage::kPoisonAttempts;
}

}  // namespace mailstead::pop3
