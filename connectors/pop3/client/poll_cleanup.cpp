// What a poll does with messages that are done with: gone from the server, or to be deleted there.
#include <algorithm>

#include "connectors/pop3/client/cleanup.h"
#include "connectors/pop3/client/poll.h"
#include "mail/failpoint.h"

namespace mailstead::pop3 {
namespace {

// A maildrop that lost so many messages at once, and all of them, may be a server in trouble.
constexpr std::size_t kSuddenlyEmpty = 10;

}  // namespace

void Poll::collect_durable() {
  std::vector<storage::SourceRef> sources = parts_.sink.take_durable();
  if (!deletes() || parts_.settings.after.count() != 0) return;
  for (auto& source : sources) durable_.insert(std::move(source.uidl));
}

// Only a complete listing says that something is gone. A pending clean-up of such a message is done with (K13). An
// empty maildrop where there were many is believed when it is seen twice: were it a mistake of the server's, everything
// would be fetched again.
void Poll::settle_gone(const Maildrop& maildrop) {
  const bool vanished = maildrop.messages.empty() && maildrop.gone.size() >= kSuddenlyEmpty;
  const bool believed = !vanished || parts_.memory.vanished;
  parts_.memory.vanished = vanished && !believed;
  if (!maildrop.complete || maildrop.gone.empty() || !believed) return;
  std::vector<std::string> settled;
  for (auto& cleanup : parts_.ledger.cleanup_due(parts_.settings.name, "", now_)) {
    bool gone = std::binary_search(maildrop.gone.begin(), maildrop.gone.end(), cleanup.uidl);
    if (gone) settled.push_back(std::move(cleanup.uidl));
  }
  if (!settled.empty()) parts_.ledger.cleaned_uidls(parts_.settings.name, settled, true);
  parts_.ledger.forget_uidls(parts_.settings.name, maildrop.gone);
}

bool Poll::clean_up(SignedIn& session, const Maildrop& maildrop) {
  more_to_delete_ = false;
  Selection wanted = deletes() ? deletable(maildrop) : Selection();
  if (wanted.empty()) {
    // RFC 2449 §6.7: with EXPIRE 0 the server deletes at QUIT what was retrieved, were it only to know it.
    if (maildrop.retrieved_for_identity && session.capabilities.expire_days == 0U) {
      session.connection->close();
    } else {
      leave(*session.connection);
    }
    return true;
  }
  parts_.observer.stage("cleaning up");
  MAILSTEAD_FAILPOINT("cleanup.before");
  Deletion deletion = delete_and_quit(*session.connection, session.capabilities.pipelining, wanted, result_.warnings);
  more_to_delete_ = more_to_delete_ && !deletion.marked.empty();
  if (deletion.marked.empty()) return true;
  if (!deletion.confirmed) {
    warn("the server did not confirm the deletion of " + std::to_string(deletion.marked.size()) + " messages (" +
         deletion.why + "): it is checked at the next poll");
    return false;
  }
  std::vector<std::string> deleted;
  deleted.reserve(deletion.marked.size());
  for (const ListedMessage* message : deletion.marked) {
    deleted.emplace_back(message->identity);
    durable_.erase(deleted.back());
  }
  parts_.ledger.cleaned_uidls(parts_.settings.name, deleted, true);
  result_.cleaned += deleted.size();
  return true;
}

// What is due by the ledger, and what the sink has just called durable when nothing is to be waited for.
Poll::Selection Poll::deletable(const Maildrop& maildrop) {
  NameSet due;
  for (auto& cleanup : parts_.ledger.cleanup_due(parts_.settings.name, "", now_)) due.insert(std::move(cleanup.uidl));
  due.insert(durable_.begin(), durable_.end());
  Selection selection;
  for (const auto& message : maildrop.messages) {
    if (message.refused || !due.contains(message.identity)) continue;
    if (selection.size() >= commit_every()) {
      more_to_delete_ = true;
      break;
    }
    selection.push_back(&message);
  }
  return selection;
}

}  // namespace mailstead::pop3
