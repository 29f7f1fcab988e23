#include "connectors/imap/client/imap_retriever.h"

#include <algorithm>

#include "connectors/imap/client/extensions.h"
#include "connectors/imap/client/folder_survey.h"
#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/client/retriever.h"
#include "connectors/imap/client/select.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::seconds kGoodbye{2};
constexpr std::string_view kCounts = "MESSAGES UNSEEN";

retrieval::PollObserver& nobody() {
  static retrieval::PollObserver observer;
  return observer;
}

// Whose server, and as whom: memory of another is none.
std::string peer_of(const retrieval::AccountSettings& settings) {
  const net::Endpoint& endpoint = settings.endpoint;
  std::string where =
      endpoint.unix_socket.empty() ? endpoint.host + ":" + std::to_string(endpoint.port) : endpoint.unix_socket;
  std::string tls = endpoint.tls == net::TlsMode::kImplicit ? "tls" : "clear";
  if (endpoint.tls == net::TlsMode::kStartTls) tls = "starttls";
  return mail::printable(tls + " " + where + " " + settings.credentials.user, kMaxRememberedPeer);
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
    : settings_(std::move(settings)), dialer_(std::move(dialer)), memory_(AccountMemory::decode(remembered)) {
  const std::string peer = peer_of(settings_);
  if (memory_.peer != peer) memory_ = {};
  memory_.peer = peer;
}

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
  signed_in_ = sign_in(*session_, settings_.endpoint, settings_.credentials, memory_);
  begin_extensions(*session_, settings_, memory_);
}

FolderWish ImapRetriever::wish(const std::vector<std::string>& only) const {
  return {settings_.folders, settings_.exclude_folders, settings_.subscribed, {}, only};
}

// What is known of the server after a session that went well.
void ImapRetriever::learn() {
  const Start& start = *signed_in_.start;
  const Capabilities& now = session_->capabilities();
  if (now.known() && session_->announcements() > start.announcements) memory_.after = now;
  if (start.in_doubt()) memory_.pipelining = AccountMemory::Pipelining::kBreaks;
}

// A server that does not bear commands behind its sign-in gets them one flight later, from now on. True: at once, on a
// new connection.
bool ImapRetriever::gives_up_pipelining(const Failure& failure) {
  using Pipelining = AccountMemory::Pipelining;
  const Start& start = *signed_in_.start;
  if (!session_ || !start.in_doubt() || failure.kind() == FailureKind::kCancelled) return false;
  if (start.stale) return true;
  bool sure = start.accepted || start.refused;
  // A connection that merely broke before the answer says little: the next session tries again.
  memory_.pipelining = sure || start.trial ? Pipelining::kBreaks : Pipelining::kUnknown;
  return sure;
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
    PollRun run{settings_, ledger, sink, observer, now, options.dry_run, std::nullopt, memory_, {}};
    std::uint32_t limit = options.limit != 0 ? options.limit : settings_.max_messages_per_poll;
    if (limit != 0) run.left = limit;
    run.mark_retrieved = options.mark_retrieved;
    run.since = options.since;
    try {
      poll_once(run, options, stop);
    } catch (const Failure& failure) {
      if (run.result.fetched > 0 || !gives_up_pipelining(failure)) throw;
      drop();
      poll_once(run, options, stop);
    }
    for (std::string& alert : session_->take_alerts()) run.result.warnings.push_back(std::move(alert));
    return std::move(run.result);
  });
}

void ImapRetriever::poll_once(PollRun& run, const retrieval::PollOptions& options, const std::stop_token& stop) {
  ensure_connected(stop, run.observer);
  auto wanted = survey_folders(*session_, wish(options.folders), selected_, memory_);
  if (wanted.empty()) run.result.warnings.emplace_back("no folder on the server fits \"folders\"");
  poll_folders(run, wanted, stop);
  learn();
}

void ImapRetriever::poll_folders(PollRun& run, const std::vector<Folder>& wanted, const std::stop_token& stop) {
  first_.reset();
  if (!wanted.empty()) first_ = wanted.front();
  std::optional<Failure> first_failure;
  std::size_t failed = 0;
  for (const Folder& folder : wanted) {
    if (!needs_visit(folder, run)) continue;
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
    FolderWish all = wish({});
    learn_namespace(*session_, all, memory_);
    auto listed = list_folders(*session_, {{"*"}, true, std::string(kCounts)}, memory_);
    ask_status(*session_, listed, kCounts);
    auto wanted = choose_folders(listed, all, session_->utf8_names());
    std::vector<retrieval::FolderFacts> facts;
    for (const Folder& folder : listed) {
      bool chosen = std::any_of(wanted.begin(), wanted.end(), [&](const Folder& f) { return f.name == folder.name; });
      retrieval::FolderFacts fact;
      fact.name = folder.name;
      fact.special_use = folder.special_use;
      fact.selectable = folder.selectable;
      fact.selected_for_retrieval = chosen;
      fact.subscribed = folder.subscribed;
      if (folder.status) fact.messages = folder.status->messages;
      if (folder.status) fact.unseen = folder.status->unseen;
      facts.push_back(std::move(fact));
    }
    return facts;
  });
}

retrieval::ConnectionFacts ImapRetriever::probe(std::stop_token stop) {
  return guarded([&] {
    connect(stop, nobody());
    auto wanted = survey_folders(*session_, wish({}), "", memory_);
    ask_status(*session_, wanted, kCounts);
    retrieval::ConnectionFacts facts;
    for (const Folder& folder : wanted) {
      if (!folder.status || !folder.status->messages) continue;
      facts.messages += *folder.status->messages;
      ++facts.folders;
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
    session_->say_goodbye();
  } catch (...) {  // it has gone already
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
