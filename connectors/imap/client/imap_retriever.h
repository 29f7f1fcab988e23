// The IMAP implementation of retrieval::Retriever: one connection that polls, kept between polls while it waits for
// news, and others that only wait where the server cannot tell of several folders on one (imap_waiting.cpp).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/descriptor.h"
#include "connectors/imap/client/folder_choice.h"
#include "connectors/imap/client/folder_poll.h"
#include "connectors/imap/client/idle.h"
#include "connectors/imap/client/keepalive.h"
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
  std::optional<retrieval::Waiting> start_waiting(std::stop_token stop) override;
  retrieval::News woken(std::stop_token stop) override;
  retrieval::News verify(std::stop_token stop) override;
  [[nodiscard]] std::chrono::seconds waiting_limit() const override;
  void disconnect() noexcept override;
  [[nodiscard]] std::string remembered() const override;

 private:
  void connect(const std::stop_token& stop, retrieval::PollObserver& observer);
  // The connection at hand if it still lives, else a new one.
  void ensure_connected(const std::stop_token& stop, retrieval::PollObserver& observer);
  [[nodiscard]] FolderWish wish(const std::vector<std::string>& only) const;
  void poll_once(PollRun& run, const retrieval::PollOptions& options, const std::stop_token& stop);
  [[nodiscard]] ConnectHelper hire_helper();
  void learn();
  [[nodiscard]] bool gives_up_pipelining(const mail::Failure& failure);
  void poll_folders(PollRun& run, const std::vector<Folder>& wanted, const std::stop_token& stop);
  void drop_line() noexcept;
  void drop() noexcept;
  static void say_goodbye(Session* session, Idle* idle, mail::SteadyTime until) noexcept;
  // Calls `work`; whatever it throws, the connection is not used again.
  template <typename Work>
  auto guarded(Work work);

  // A connection and what goes on there.
  struct Line {
    std::unique_ptr<Session> session;
    SignedIn signed_in;
    std::string selected;  // folder name
    std::unique_ptr<Idle> idle;
  };
  // imap_waiting.cpp
  [[nodiscard]] std::vector<Folder> folders_to_poll(const retrieval::PollOptions& options);
  void note_progress(const storage::Ledger& ledger, const std::vector<Folder>& polled);
  void swap_with(Line& line);
  void bring_to_front(const std::vector<std::string>& folders);
  [[nodiscard]] bool can_wait();
  [[nodiscard]] bool ask_for_news_of_all();
  [[nodiscard]] bool is_watched(const Folder& folder) const;
  [[nodiscard]] const Folder& home() const;
  void wait_in(const Folder& folder);
  void open_side_lines(const std::stop_token& stop, std::string& trouble);
  [[nodiscard]] int waiting_descriptor();
  void refresh(Session& session, Idle& idle, bool must_answer);
  retrieval::News look_at_all(bool must_answer, const std::stop_token& stop);
  [[nodiscard]] mail::SteadyTime renew_at(const Idle& idle) const;

  retrieval::AccountSettings settings_;
  retrieval::Dialer dialer_;
  AccountMemory memory_;
  std::unique_ptr<Session> session_;
  SignedIn signed_in_;
  std::string selected_;  // folder name
  std::unique_ptr<Idle> idle_;

  std::vector<Folder> wanted_;   // of the last whole poll
  std::vector<Folder> watched_;  // where news is wanted of; INBOX first
  bool notified_ = false;        // by NOTIFY on the polling connection
  FolderNews news_;
  std::vector<Line> sides_;
  mail::SteadyTime sides_again_{};    // no further connection before: one was refused
  connectors::Descriptor all_lines_;  // epoll over the connections, where there are several
  Keepalive keepalive_;
};

template <typename Work>
auto ImapRetriever::guarded(Work work) {
  try {
    return work();
  } catch (...) {
    drop();
    throw;
  }
}

}  // namespace mailstead::imap
