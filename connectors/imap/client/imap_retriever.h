// The IMAP implementation of retrieval::Retriever: one connection, kept between polls while it waits in IDLE.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/folder_poll.h"
#include "connectors/imap/client/idle.h"
#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/client/sign_in.h"
#include "connectors/retrieval.h"
#include "mail/failure.h"

namespace mailstead::imap {

class ImapRetriever final : public retrieval::Retriever {
 public:
  ImapRetriever(retrieval::AccountSettings settings, retrieval::Dialer dialer, const std::string& remembered);
  ~ImapRetriever() override;

  retrieval::PollResult poll(storage::Ledger& ledger, retrieval::MessageSink& sink, retrieval::PollObserver& observer,
                             const retrieval::PollOptions& options, mail::WallTime now, std::stop_token stop) override;
  std::vector<retrieval::FolderFacts> folders(std::stop_token stop) override;
  retrieval::ConnectionFacts probe(std::stop_token stop) override;
  std::optional<int> start_waiting(std::stop_token stop) override;
  bool woken(std::stop_token stop) override;
  [[nodiscard]] std::chrono::seconds waiting_limit() const override;
  void disconnect() noexcept override;
  [[nodiscard]] std::string remembered() const override;

 private:
  void connect(const std::stop_token& stop, retrieval::PollObserver& observer);
  // The connection at hand if it still lives, else a new one.
  void ensure_connected(const std::stop_token& stop, retrieval::PollObserver& observer);
  [[nodiscard]] FolderWish wish(const std::vector<std::string>& only) const;
  void poll_once(PollRun& run, const retrieval::PollOptions& options, const std::stop_token& stop);
  void learn();
  [[nodiscard]] bool gives_up_pipelining(const mail::Failure& failure);
  void poll_folders(PollRun& run, const std::vector<Folder>& wanted, const std::stop_token& stop);
  void drop() noexcept;
  // Calls `work`; whatever it throws, the connection is not used again.
  template <typename Work>
  auto guarded(Work work);
  [[nodiscard]] bool select_for_waiting();

  retrieval::AccountSettings settings_;
  retrieval::Dialer dialer_;
  AccountMemory memory_;
  std::unique_ptr<Session> session_;
  SignedIn signed_in_;
  std::optional<Idle> idle_;

  std::optional<Folder> first_;  // where we wait
  std::string selected_;         // folder name
  MailboxState first_seen_;      // of first_, when it was last polled
};

}  // namespace mailstead::imap
