// One poll of a POP3 account: as many sessions as its deletions and its server's lies need.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "connectors/pop3/client/maildrop.h"
#include "connectors/pop3/client/sign_in.h"
#include "connectors/retrieval.h"
#include "storage/ledger.h"

namespace mailstead::pop3 {

// What a poll works with; all outlive it.
struct PollParts {
  const retrieval::AccountSettings& settings;
  const retrieval::Dialer& dialer;
  ServerMemory& memory;
  storage::Ledger& ledger;
  retrieval::MessageSink& sink;
  retrieval::PollObserver& observer;
};

class Poll {
 public:
  Poll(PollParts parts, const retrieval::PollOptions& options, mail::WallTime now, net::Deadline total);
  // Once.
  [[nodiscard]] retrieval::PollResult run();

 private:
  using Selection = std::vector<const ListedMessage*>;
  enum class Next { kDone, kAnotherSession };

  Next run_session();
  void collect_durable();
  void report(const Maildrop& maildrop);
  void settle_gone(const Maildrop& maildrop, const std::unordered_set<std::string>& known);
  [[nodiscard]] Selection choose(const Maildrop& maildrop);
  [[nodiscard]] bool fetch(Connection& connection, bool pipelining, const Selection& wanted);
  // False: the server did not confirm.
  [[nodiscard]] bool clean_up(SignedIn& session, const Maildrop& maildrop);
  [[nodiscard]] Selection deletable(const Maildrop& maildrop);

  [[nodiscard]] bool deletes() const { return parts_.settings.after_fetch == retrieval::AfterFetch::kDelete; }
  [[nodiscard]] retrieval::Incoming describe(const ListedMessage& message) const;
  [[nodiscard]] mail::ByteCount max_message() const;
  void skip(const ListedMessage& message, const std::string& reason);
  void warn(std::string text);

  const PollParts parts_;
  const retrieval::PollOptions options_;
  const mail::WallTime now_;
  const net::Deadline total_;
  retrieval::PollResult result_;
  std::uint64_t room_ = 0;                   // messages that the limit still allows
  std::unordered_set<std::string> handled_;  // identities that this poll need not look at again
  std::unordered_set<std::string> durable_;  // reported by the sink and to be deleted at once
  bool announced_ = false;
  bool more_in_maildrop_ = false;  // left for another session of this poll
  bool more_to_delete_ = false;
  unsigned broken_off_ = 0;
};

}  // namespace mailstead::pop3
