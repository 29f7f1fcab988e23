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
    : settings_(std::move(settings)),
      dialer_(std::move(dialer)),
      memory_(AccountMemory::decode(remembered)),
      keepalive_(settings_.idle_renewal) {
  const std::string peer = peer_of(settings_);
  if (memory_.peer != peer) memory_ = {};
  memory_.peer = peer;
}

ImapRetriever::~ImapRetriever() {
  drop();
}

void ImapRetriever::connect(const std::stop_token& stop, retrieval::PollObserver& observer) {
  drop_line();
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
    bring_to_front(options.folders);
    PollRun run{settings_, ledger, sink, observer, now, options.dry_run, std::nullopt, memory_, {}};
    std::uint32_t limit = options.limit != 0 ? options.limit : settings_.max_messages_per_poll;
    if (limit != 0) run.left = limit;
    run.mark_retrieved = options.mark_retrieved;
    run.since = options.since;
    try {
      poll_once(run, options, stop);
    } catch (const Failure& failure) {
      if (run.result.fetched > 0 || !gives_up_pipelining(failure)) throw;
      drop_line();
      poll_once(run, options, stop);
    }
    for (std::string& alert : session_->take_alerts()) run.result.warnings.push_back(std::move(alert));
    return std::move(run.result);
  });
}

void ImapRetriever::poll_once(PollRun& run, const retrieval::PollOptions& options, const std::stop_token& stop) {
  ensure_connected(stop, run.observer);
  run.quirks = quirks_of(settings_.endpoint.host, signed_in_.greeting);
  run.hire = [this] { return hire_helper(); };
  const auto wanted = folders_to_poll(options);
  if (wanted.empty()) run.result.warnings.emplace_back("no folder on the server fits \"folders\"");
  poll_folders(run, wanted, stop);
  note_progress(run.ledger, wanted);
  learn();
}

// A further connection signs in as the first did; what it learns of the server is nobody's.
ConnectHelper ImapRetriever::hire_helper() {
  if (settings_.may_connect && !settings_.may_connect()) return {};
  struct Needs {
    retrieval::AccountSettings settings;
    AccountMemory memory;
  };
  auto needs = std::make_shared<Needs>(Needs{settings_, memory_});
  // Where passwords come from is asked on this thread only.
  if (settings_.credentials.password) {
    auto password = std::make_shared<mail::Secret>(settings_.credentials.password());
    needs->settings.credentials.password = [password] { return password->copy(); };
  }
  return [needs, dialer = dialer_](const std::stop_token& stop) {
    const net::Endpoint& endpoint = needs->settings.endpoint;
    HelperLine line;
    line.keeps = needs;
    line.session = std::make_unique<Session>(dialer(endpoint, net::Deadline::in(endpoint.timeouts.connect, stop)),
                                             endpoint.timeouts);
    line.session->restart_clock(stop);
    (void)sign_in(*line.session, endpoint, needs->settings.credentials, needs->memory);
    begin_extensions(*line.session, needs->settings, needs->memory);
    return line;
  };
}

void ImapRetriever::poll_folders(PollRun& run, const std::vector<Folder>& wanted, const std::stop_token& stop) {
  std::optional<Failure> first_failure;
  std::size_t failed = 0;
  for (const Folder& folder : wanted) {
    if (!needs_visit(folder, run)) continue;
    try {
      selected_ = folder.name;
      FolderPoll(*session_, run, folder).run();
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
      if (!chosen) fact.left_out = why_left_out(folder, all);
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

void ImapRetriever::disconnect() noexcept {
  const auto until = std::chrono::steady_clock::now() + kGoodbye;
  for (Line& side : sides_) say_goodbye(side.session.get(), side.idle.get(), until);
  say_goodbye(session_.get(), idle_.get(), until);
  drop();
}

void ImapRetriever::say_goodbye(Session* session, Idle* idle, mail::SteadyTime until) noexcept {
  if (session == nullptr) return;
  try {
    session->restart_clock({});
    session->patience().idle = kGoodbye;
    session->patience().end = until;
    if (idle != nullptr) idle->end();
    session->say_goodbye();
  } catch (...) {  // it has gone already
  }
}

// The polling connection.
void ImapRetriever::drop_line() noexcept {
  idle_.reset();
  if (session_) session_->stream().close();
  session_.reset();
  selected_.clear();
  notified_ = false;
}

void ImapRetriever::drop() noexcept {
  for (Line& side : sides_) side.session->stream().close();
  sides_.clear();
  drop_line();
}

std::string ImapRetriever::remembered() const {
  return memory_.encode();
}

}  // namespace mailstead::imap
