#include "connectors/imap/client/imap_retriever.h"

#include <algorithm>

#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/client/retriever.h"
#include "connectors/imap/client/select.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::seconds kGoodbye{2};

retrieval::PollObserver& nobody() {
  static retrieval::PollObserver observer;
  return observer;
}

bool concerns_one_folder(const Failure& failure) {
  return failure.scope() == FailureScope::kFolder || failure.scope() == FailureScope::kMessage;
}

}  // namespace

std::unique_ptr<retrieval::Retriever> make_retriever(retrieval::AccountSettings settings, retrieval::Dialer dialer,
                                                     std::string remembered) {
  return std::make_unique<ImapRetriever>(std::move(settings), std::move(dialer), remembered);
}

ImapRetriever::ImapRetriever(retrieval::AccountSettings settings, retrieval::Dialer dialer,
                             const std::string& remembered)
    : settings_(std::move(settings)), dialer_(std::move(dialer)), memory_(AccountMemory::decode(remembered)) {}

ImapRetriever::~ImapRetriever() {
  drop();
}

template <typename Work>
auto ImapRetriever::guarded(Work work) {
  try {
    return work();
  } catch (...) {
    drop();
    throw;
  }
}

void ImapRetriever::connect(const std::stop_token& stop, retrieval::PollObserver& observer) {
  drop();
  observer.stage("connecting");
  auto stream = dialer_(settings_.endpoint, net::Deadline::in(settings_.endpoint.timeouts.connect, stop));
  session_ = std::make_unique<Session>(std::move(stream), settings_.endpoint.timeouts);
  session_->restart_clock(stop);
  observer.stage("signing in");
  signed_in_ = sign_in(*session_, settings_.endpoint, settings_.credentials);
}

void ImapRetriever::ensure_connected(const std::stop_token& stop, retrieval::PollObserver& observer) {
  if (session_) {
    session_->restart_clock(stop);
    try {
      if (idle_) {
        idle_->end();
        idle_.reset();
      } else {
        (void)session_->run(CommandText("NOOP"));
      }
      return;
    } catch (const Failure& failure) {
      // It died while nobody looked; a new one may do.
      if (failure.kind() == FailureKind::kCancelled) throw;
    }
  }
  connect(stop, observer);
}

retrieval::PollResult ImapRetriever::poll(storage::Ledger& ledger, retrieval::MessageSink& sink,
                                          retrieval::PollObserver& observer, const retrieval::PollOptions& options,
                                          mail::WallTime now, std::stop_token stop) {
  return guarded([&] {
    ensure_connected(stop, observer);
    PollRun run{settings_, ledger, sink, observer, now, options.dry_run, std::nullopt, memory_, {}};
    std::uint32_t limit = options.limit != 0 ? options.limit : settings_.max_messages_per_poll;
    if (limit != 0) run.left = limit;
    auto wanted = wanted_folders(*session_, settings_.folders, settings_.exclude_folders);
    if (wanted.empty()) run.result.warnings.emplace_back("no folder on the server fits \"folders\"");
    poll_folders(run, wanted, stop);
    for (std::string& alert : session_->take_alerts()) run.result.warnings.push_back(std::move(alert));
    return std::move(run.result);
  });
}

void ImapRetriever::poll_folders(PollRun& run, const std::vector<Folder>& wanted, const std::stop_token& stop) {
  first_.reset();
  if (!wanted.empty()) first_ = wanted.front();
  std::optional<Failure> first_failure;
  std::size_t failed = 0;
  for (const Folder& folder : wanted) {
    try {
      selected_ = folder.name;
      FolderPoll(*session_, run, folder).run();
      if (folder.name == first_->name) first_seen_ = session_->mailbox();
    } catch (const Failure& failure) {
      if (!concerns_one_folder(failure)) throw;
      run.result.warnings.push_back(failure.text());
      if (!first_failure) first_failure = failure;
      ++failed;
      selected_.clear();
      if (!session_->quiet()) connect(stop, run.observer);
    }
  }
  if (failed > 0 && failed == wanted.size()) throw Failure(*first_failure);
}

std::vector<retrieval::FolderFacts> ImapRetriever::folders(std::stop_token stop) {
  return guarded([&] {
    ensure_connected(stop, nobody());
    auto listed = list_folders(*session_);
    auto wanted = wanted_folders(*session_, settings_.folders, settings_.exclude_folders);
    auto counts = mailbox_counts(*session_, listed);
    std::vector<retrieval::FolderFacts> facts;
    for (std::size_t i = 0; i < listed.size(); ++i) {
      bool chosen = std::any_of(wanted.begin(), wanted.end(),
                                [&](const Folder& folder) { return folder.wire == listed[i].wire; });
      retrieval::FolderFacts fact;
      fact.name = listed[i].name;
      fact.special_use = listed[i].special_use;
      fact.selectable = listed[i].selectable;
      fact.selected_for_retrieval = chosen;
      fact.messages = counts[i].messages;
      fact.unseen = counts[i].unseen;
      facts.push_back(std::move(fact));
    }
    return facts;
  });
}

retrieval::ConnectionFacts ImapRetriever::probe(std::stop_token stop) {
  return guarded([&] {
    connect(stop, nobody());
    auto wanted = wanted_folders(*session_, settings_.folders, settings_.exclude_folders);
    retrieval::ConnectionFacts facts;
    for (const MailboxCounts& counts : mailbox_counts(*session_, wanted)) {
      facts.messages += counts.messages.value_or(0);
      if (counts.messages) ++facts.folders;
    }
    if (!session_->capabilities().known()) (void)session_->run(CommandText("CAPABILITY"));
    facts.tls = session_->stream().tls();
    facts.greeting = signed_in_.greeting;
    facts.capabilities = session_->capabilities().words();
    facts.mechanism = signed_in_.mechanism;
    return facts;
  });
}

bool ImapRetriever::select_for_waiting() {
  finish_select(*session_, begin_select(*session_, first_->wire, true), first_->name);
  selected_ = first_->name;
  const MailboxState& mailbox = session_->mailbox();
  bool more = mailbox.exists.value_or(0) > first_seen_.exists.value_or(0);
  bool newer = mailbox.uid_next && first_seen_.uid_next && *mailbox.uid_next > *first_seen_.uid_next;
  return more || newer;
}

std::optional<int> ImapRetriever::start_waiting(std::stop_token stop) {
  return guarded([&]() -> std::optional<int> {
    if (idle_) return session_->stream().descriptor();
    if (!session_ || !first_ || !session_->capabilities().has("IDLE")) return std::nullopt;
    session_->restart_clock(stop);
    bool news = selected_ != first_->name && select_for_waiting();
    idle_.emplace(*session_, news ? 0 : session_->mailbox().exists.value_or(0), news);
    if (!idle_->begin()) {
      idle_.reset();
      return std::nullopt;
    }
    return session_->stream().descriptor();
  });
}

bool ImapRetriever::woken(std::stop_token stop) {
  return guarded([&] {
    if (!idle_ || !session_) {
      throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the connection is not waiting for news");
    }
    session_->restart_clock(stop);
    if (idle_->look()) return true;
    if (std::chrono::steady_clock::now() < idle_->renew_at()) return false;
    idle_->end();
    if (!idle_->begin()) {
      throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the server will not wait any longer (IDLE)");
    }
    return idle_->news();
  });
}

std::chrono::seconds ImapRetriever::waiting_limit() const {
  if (!idle_ || idle_->news()) return std::chrono::seconds(0);
  auto left = idle_->renew_at() - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::seconds>(left), std::chrono::seconds(0));
}

void ImapRetriever::disconnect() noexcept {
  if (!session_) return;
  try {
    session_->restart_clock({});
    session_->patience().idle = kGoodbye;
    session_->patience().end = std::chrono::steady_clock::now() + kGoodbye;
    if (idle_) idle_->end();
    (void)session_->run(CommandText("LOGOUT"));
  } catch (...) {  // BYE comes as a Failure; nothing else matters any more
  }
  drop();
}

void ImapRetriever::drop() noexcept {
  idle_.reset();
  if (session_) session_->stream().close();
  session_.reset();
  selected_.clear();
}

std::string ImapRetriever::remembered() const {
  return memory_.encode();
}

}  // namespace mailstead::imap
