// How an ImapRetriever waits for news: which connection watches which folder, and what wakes it.
//
// With NOTIFY the polling connection is told of all folders. Without, it waits in one and further connections in one
// each, INBOX first; when one of those brings news it changes places with the polling connection, so that its folder is
// polled where it is open already and the others go on waiting.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

#include "connectors/imap/client/folder_survey.h"
#include "connectors/imap/client/imap_retriever.h"
#include "connectors/imap/client/select.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using std::chrono::seconds;

constexpr seconds kAnswerWait{30};       // a line that leaves DONE unanswered for longer is dead
constexpr seconds kVerifyWait{10};       // after a sleep, in another network: the dead are to be found soon
constexpr seconds kSideRetry{10 * 60};   // after a further connection was refused
constexpr unsigned kHastyEnds = 3;       // a server that ends each wait at once offers none
constexpr int kProbeAfterSeconds = 240;  // TCP's own probes: they keep a router's memory fresh, too
constexpr int kProbeEverySeconds = 30;
constexpr int kProbes = 4;
constexpr unsigned kUnackedMilliseconds = 120'000;

// Other kinds of stream refuse, and need none of it.
void watch_line(const net::Stream& stream) {
  const int socket = stream.descriptor();
  const int on = 1;
  if (socket < 0 || ::setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on)) != 0) return;
  const auto set = [&](int option, const auto& value) {
    (void)::setsockopt(socket, IPPROTO_TCP, option, &value, sizeof(value));
  };
  set(TCP_KEEPIDLE, kProbeAfterSeconds);
  set(TCP_KEEPINTVL, kProbeEverySeconds);
  set(TCP_KEEPCNT, kProbes);
  set(TCP_USER_TIMEOUT, kUnackedMilliseconds);
}

bool fits_any(const Folder& folder, const std::vector<std::string>& patterns) {
  return patterns.empty() || std::any_of(patterns.begin(), patterns.end(),
                                         [&](const std::string& pattern) { return matches_folder(folder, pattern); });
}

std::vector<Folder> fitting(const std::vector<Folder>& folders, const std::vector<std::string>& patterns) {
  std::vector<Folder> chosen;
  for (const Folder& folder : folders)
    if (fits_any(folder, patterns)) chosen.push_back(folder);
  return chosen;
}

// The answers of a waiting connection come soon or not at all.
class ShortPatience {
 public:
  ShortPatience(Session& session, std::chrono::milliseconds wait)
      : patience_(session.patience()), before_(patience_.idle) {
    patience_.idle = std::min(before_, wait);
  }
  ~ShortPatience() { patience_.idle = before_; }
  ShortPatience(const ShortPatience&) = delete;
  ShortPatience& operator=(const ShortPatience&) = delete;

 private:
  Patience& patience_;
  std::chrono::milliseconds before_;
};

}  // namespace

// News of folders that are known needs no LIST: they are opened, whatever STATUS said when it was asked last.
std::vector<Folder> ImapRetriever::folders_to_poll(const retrieval::PollOptions& options) {
  if (!options.folders.empty() && !wanted_.empty()) return fitting(wanted_, options.folders);
  auto surveyed = survey_folders(*session_, wish(options.folders), selected_, memory_);
  if (!options.folders.empty()) return surveyed;
  wanted_ = surveyed;
  for (Folder& folder : wanted_) folder.status.reset();
  watched_ = fitting(wanted_, settings_.idle_folders);
  std::stable_partition(watched_.begin(), watched_.end(), [](const Folder& folder) { return folder.name == "INBOX"; });
  if (watched_.size() > kMaxNotified) watched_.resize(kMaxNotified);
  return surveyed;
}

void ImapRetriever::note_progress(const storage::Ledger& ledger, const std::vector<Folder>& polled) {
  for (const Folder& folder : polled)
    if (const auto progress = ledger.folder(settings_.name, folder.name))
      news_.polled(folder.name, progress->uid_validity, progress->done_through + 1);
}

void ImapRetriever::swap_with(Line& line) {
  std::swap(session_, line.session);
  std::swap(signed_in_, line.signed_in);
  std::swap(selected_, line.selected);
  std::swap(idle_, line.idle);
}

// The connection that has the folder open polls it.
void ImapRetriever::bring_to_front(const std::vector<std::string>& folders) {
  if (folders.size() != 1) return;
  for (Line& side : sides_)
    if (side.selected == folders.front()) {
      swap_with(side);
      return;
    }
}

bool ImapRetriever::can_wait() {
  if (settings_.force_idle) return true;
  if (!session_->capabilities().known()) (void)session_->run(CommandText("CAPABILITY"));
  return session_->capabilities().has("IDLE");
}

bool ImapRetriever::ask_for_news_of_all() {
  if (watched_.size() < 2 || !session_->capabilities().has("NOTIFY") || !fits_notify(watched_)) return false;
  return ask_for_news(*session_, watched_, news_, notified_);
}

bool ImapRetriever::is_watched(const Folder& folder) const {
  const auto waits_there = [&](const std::unique_ptr<Idle>& idle) { return idle && idle->selected() == folder.name; };
  return waits_there(idle_) ||
         std::any_of(sides_.begin(), sides_.end(), [&](const Line& side) { return waits_there(side.idle); });
}

// Where the polling connection waits: in the folder that is open, if that is among those to be watched.
const Folder& ImapRetriever::home() const {
  const auto end =
      watched_.begin() +
      static_cast<std::ptrdiff_t>(notified_ ? watched_.size() : std::min(watched_.size(), settings_.idle_connections));
  auto found = std::find_if(watched_.begin(), end,
                            [&](const Folder& folder) { return folder.name == selected_ && !is_watched(folder); });
  if (found == end)
    found = std::find_if(watched_.begin(), end, [&](const Folder& folder) { return !is_watched(folder); });
  return found != end ? *found : watched_.front();
}

// Throws kFolder when it cannot be opened.
void ImapRetriever::wait_in(const Folder& folder) {
  if (selected_ != folder.name) {
    selected_.clear();
    finish_select(*session_, begin_select(*session_, folder.wire, true), folder.name);
    selected_ = folder.name;
    (void)news_.shows(folder.name, session_->mailbox().uid_validity, session_->mailbox().uid_next);
  }
  auto idle = std::make_unique<Idle>(*session_, folder.name, watched_, news_);
  if (!idle->begin())
    throw Failure(FailureKind::kPermanent, FailureScope::kFolder, "the server announces IDLE and refuses it");
  watch_line(session_->stream());
  session_->rest();
  idle_ = std::move(idle);
}

std::optional<retrieval::Waiting> ImapRetriever::start_waiting(std::stop_token stop) {
  return guarded([&]() -> std::optional<retrieval::Waiting> {
    if (!session_ || watched_.empty()) return std::nullopt;
    session_->restart_clock(stop);
    retrieval::Waiting waiting;
    if (!idle_) {
      if (!can_wait()) return std::nullopt;
      notified_ = ask_for_news_of_all();
      try {
        wait_in(home());
      } catch (const Failure& failure) {
        if (failure.scope() != FailureScope::kFolder) throw;
        return std::nullopt;
      }
    }
    open_side_lines(stop, waiting.trouble);
    waiting.descriptor = waiting_descriptor();
    waiting.connections = 1 + sides_.size();
    waiting.folders = notified_ ? watched_.size() : waiting.connections;
    // QUIRK: Dovecot, NOTIFY tells only of what Dovecot itself has delivered to other folders: they are polled as ever.
    waiting.all = !notified_ && waiting.folders == wanted_.size();
    return waiting;
  });
}

// Those that watch what nobody wants any more are closed, such as are missing are opened.
void ImapRetriever::open_side_lines(const std::stop_token& stop, std::string& trouble) {
  std::erase_if(sides_, [&](Line& side) {
    const bool wanted = !notified_ && std::any_of(watched_.begin(), watched_.end(), [&](const Folder& folder) {
      return folder.name == side.selected && side.idle && folder.name != idle_->selected();
    });
    if (!wanted) say_goodbye(side.session.get(), side.idle.get(), std::chrono::steady_clock::now() + seconds(2));
    return !wanted;
  });
  if (notified_ || std::chrono::steady_clock::now() < sides_again_) return;
  for (const Folder& folder : watched_) {
    if (1 + sides_.size() >= settings_.idle_connections) return;
    if (is_watched(folder)) continue;
    if (settings_.may_connect && !settings_.may_connect()) return;
    Line polling;
    swap_with(polling);
    try {
      retrieval::PollObserver nobody;
      connect(stop, nobody);
      wait_in(folder);
      learn();
      swap_with(polling);  // now the new one
      sides_.push_back(std::move(polling));
    } catch (const Failure& failure) {
      drop_line();
      swap_with(polling);
      if (failure.kind() == FailureKind::kCancelled) throw;
      sides_again_ = std::chrono::steady_clock::now() + kSideRetry;
      trouble = failure.text();
      return;
    }
  }
}

int ImapRetriever::waiting_descriptor() {
  all_lines_.reset();
  if (sides_.empty()) return session_->stream().descriptor();
  all_lines_ = connectors::Descriptor(::epoll_create1(EPOLL_CLOEXEC));
  const auto add = [&](Session& session) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLRDHUP;
    return ::epoll_ctl(all_lines_.get(), EPOLL_CTL_ADD, session.stream().descriptor(), &event) == 0;
  };
  bool all = all_lines_ && add(*session_);
  for (Line& side : sides_) all = all && add(*side.session);
  if (!all) throw Failure(FailureKind::kTemporary, FailureScope::kSession, "cannot wait for several connections");
  return all_lines_.get();
}

mail::SteadyTime ImapRetriever::renew_at(const Idle& idle) const {
  return idle.waiting() ? idle.since() + keepalive_.interval() : mail::SteadyTime{};
}

// Reads what is there; renews the wait when it is time, or when the server has ended it.
void ImapRetriever::refresh(Session& session, Idle& idle, bool must_answer) {
  const ShortPatience patience(session, must_answer ? kVerifyWait : kAnswerWait);
  idle.look();
  session.rest();
  const auto now = std::chrono::steady_clock::now();
  const auto silence = idle.silent_for(now);
  const bool ended = !idle.waiting();
  if (!ended && !must_answer && now < renew_at(idle)) return;
  if (ended) keepalive_.died(silence);  // QUIRK: several servers end the wait by themselves, in good order
  idle.end();
  if (!ended && !must_answer) keepalive_.survived(silence);
  if (idle.hasty_ends() > kHastyEnds || !idle.begin())
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the server will not wait any longer (IDLE)");
  session.rest();
}

retrieval::News ImapRetriever::woken(std::stop_token stop) {
  return look_at_all(false, stop);
}

retrieval::News ImapRetriever::verify(std::stop_token stop) {
  return look_at_all(true, stop);
}

retrieval::News ImapRetriever::look_at_all(bool must_answer, const std::stop_token& stop) {
  return guarded([&] {
    if (!idle_ || !session_)
      throw Failure(FailureKind::kTemporary, FailureScope::kSession, "the connection is not waiting for news");
    const auto try_line = [&](Session& session, Idle& idle) {
      try {
        session.restart_clock(stop);
        refresh(session, idle, must_answer);
        return true;
      } catch (const Failure& failure) {
        const auto now = std::chrono::steady_clock::now();
        if (failure.kind() == FailureKind::kCancelled) throw;
        if (!must_answer) keepalive_.died(idle.silent_for(now));
        if (sides_.empty()) throw;
        news_.add(idle.selected());
        return false;
      }
    };
    for (std::size_t i = sides_.size(); i-- > 0;)
      if (!try_line(*sides_[i].session, *sides_[i].idle)) sides_.erase(sides_.begin() + static_cast<std::ptrdiff_t>(i));
    if (!try_line(*session_, *idle_)) {
      swap_with(sides_.back());
      sides_.pop_back();
    }
    retrieval::News news;
    news.any = news_.any();
    news.folders = news_.take();
    return news;
  });
}

seconds ImapRetriever::waiting_limit() const {
  if (!idle_ || news_.any()) return seconds(0);
  auto soonest = renew_at(*idle_);
  for (const Line& side : sides_) soonest = std::min(soonest, renew_at(*side.idle));
  const auto left = std::chrono::ceil<seconds>(soonest - std::chrono::steady_clock::now());
  return std::max(left, seconds(0));
}

}  // namespace mailstead::imap
