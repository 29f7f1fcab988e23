// One poll of a POP3 account: as many sessions as its deletions and its server's lies need.
#pragma once

#include <cstdint>
#include <set>
#include <string>
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
  using NameSet = std::set<std::string, std::less<>>;
  enum class Next { kDone, kAnotherSession };

  // The sessions (poll.cpp).
  Next run_session();
  Next work(SignedIn& session);
  Next fetch_and_clean(SignedIn& session, const Maildrop& maildrop);
  // What follows from a connection that broke: another session, or the failure.
  Next recover(const SignedIn& session, const mail::Failure& failure);
  void learn_from(const SignedIn& session, const Maildrop& maildrop);
  void warn_of_expiry(const Capabilities& capabilities);

  // Messages that the ledger knows by another name, or has stepped over until now (poll_known.cpp).
  void find_known(Connection& connection, bool pipelining, Maildrop& maildrop);
  void recognise_renamed(Connection& connection, bool pipelining, Maildrop& maildrop);
  void retry_troubles(Maildrop& maildrop);
  // Whether the message is stepped over from now on.
  bool note_trouble(const std::string& identity, const std::string& reason);

  // What is wanted (poll_choice.cpp).
  void leave_aside(Connection& connection, bool pipelining, Maildrop& maildrop);
  void report(const Maildrop& maildrop);
  void mark_retrieved(const Maildrop& maildrop);
  [[nodiscard]] Selection choose(Connection& connection, const Capabilities& capabilities, const Maildrop& maildrop);
  [[nodiscard]] bool fetch(Connection& connection, bool pipelining, const Selection& wanted);
  void skip_large(Connection& connection, const Capabilities& capabilities, std::vector<ListedMessage>& large);
  [[nodiscard]] bool is_candidate(const ListedMessage& message) const;
  void skip(const ListedMessage& message, const std::string& reason);

  // What is to be done with (poll_cleanup.cpp).
  void settle_gone(const Maildrop& maildrop);
  // False: the server did not confirm.
  [[nodiscard]] bool clean_up(SignedIn& session, const Maildrop& maildrop);
  [[nodiscard]] Selection deletable(const Maildrop& maildrop);
  void collect_durable();

  [[nodiscard]] bool deletes() const { return parts_.settings.after_fetch == retrieval::AfterFetch::kDelete; }
  // A server with LOGIN-DELAY would refuse to be dialled again in the same poll.
  [[nodiscard]] bool may_return() const { return login_delay_.count() == 0; }
  [[nodiscard]] retrieval::Incoming describe(const ListedMessage& message) const;
  [[nodiscard]] mail::ByteCount max_message() const;
  [[nodiscard]] std::size_t commit_every() const;
  void warn(std::string text);

  const PollParts parts_;
  const retrieval::PollOptions options_;
  const mail::WallTime now_;
  const net::Deadline total_;
  retrieval::PollResult result_;
  std::uint64_t room_ = 0;  // messages that the limit still allows
  NameSet handled_;         // identities that this poll need not look at again
  NameSet durable_;         // reported by the sink and to be deleted at once
  std::chrono::seconds login_delay_{0};
  bool announced_ = false;
  bool more_in_maildrop_ = false;  // left for another session of this poll
  bool more_to_delete_ = false;
  unsigned broken_off_ = 0;
  bool one_by_one_ = false;         // an earlier session of this poll broke under pipelining
  unsigned suspicion_ = 0;          // how much that says of the server, once it went well one by one
  std::string in_hand_;             // whose identity was asked for and not yet received, in the running session
  std::size_t most_in_flight_ = 0;  // in the running session
};

}  // namespace mailstead::pop3
