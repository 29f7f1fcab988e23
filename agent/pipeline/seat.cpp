#include "agent/pipeline/seat.h"

#include "agent/pipeline/poll_plan.h"
#include "agent/pipeline/poll_window.h"
#include "mail/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace mailstead::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr auto kNever = mail::SteadyTime::max();
constexpr seconds kQueueTurn{1};           // an account without a connection asks again
constexpr minutes kWindowLook{10};         // how far past the end of its hours an account may wait for news
constexpr minutes kLongestWindowWait{60};  // the wall clock is asked again by then
constexpr minutes kShortWait{2};           // a wait for news that ended sooner was none
constexpr std::size_t kMaxAsked = 16;      // polls asked for with options and not yet begun

bool is_special(const retrieval::PollOptions& options) {
  return options.limit != 0 || options.mark_retrieved || !options.folders.empty() || options.since.has_value();
}

}  // namespace

Seat::Seat(std::shared_ptr<Schedule> schedule, std::shared_ptr<const Config> config, const AccountConfig& account)
    : schedule_(std::move(schedule)) {
  adopt(std::move(config), account);
}

void Seat::adopt(std::shared_ptr<const Config> config, const AccountConfig& account) {
  account_ = &account;
  sign_in_digest_ = digest_of(account);
  const auto state = schedule_->store.accounts().state(account.name);
  poller_ = std::make_unique<AccountPoller>(
      schedule_->store, std::move(config), account, schedule_->clock, schedule_->log,
      schedule_->make_retriever(account, state ? state->remote_capabilities : std::string(), &schedule_->budget));
}

void Seat::begin(milliseconds turn) {
  std::lock_guard lock(mutex_);
  next_poll_ = safety_poll_ = schedule_->clock.steady() + turn;
  paused_ = poller_->paused();
  if (paused_)
    schedule_->log.warning(fmt::format(
        "account {0}: paused after refused sign-ins; it goes on when its settings change or by: mailstead poll {0}",
        account_->name));
  running_ = true;
  wake();
}

void Seat::poll_now(bool named, milliseconds turn, const retrieval::PollOptions& options) {
  std::lock_guard lock(mutex_);
  if (is_special(options)) {
    if (!named && rests()) return;
    if (asked_.size() < kMaxAsked) asked_.push_back(options);
  } else if (named) {
    again_ = true;
  } else {
    if (rests()) return;
    bring_forward(turn);
  }
  notify();
}

void Seat::reconfigure(std::shared_ptr<const Config> config, const AccountConfig& account) {
  std::lock_guard lock(mutex_);
  next_config_ = std::move(config);
  next_account_ = &account;
  notify();
}

void Seat::outside_changed(OutsideChange change, milliseconds turn) {
  std::lock_guard lock(mutex_);
  if (change != OutsideChange::kClockSet && !rests()) {
    if (waiting_)
      verify_at_ = schedule_->clock.steady() + turn;
    else
      bring_forward(turn);
  }
  notify();  // the hours are read off the clock again, too
}

bool Seat::give_way(const ConnectionBudget::Place& place, ConnectionBudget::Bound bound) {
  std::lock_guard lock(mutex_);
  if (!waiting_ || running_ || give_way_) return false;
  const auto own = ConnectionBudget::place_of(*account_);
  if (bound != ConnectionBudget::Bound::kAll && own.host != place.host) return false;
  if (bound == ConnectionBudget::Bound::kSignIn && own.user != place.user) return false;
  give_way_ = true;
  notify();
  return true;
}

void Seat::end() {
  std::lock_guard lock(mutex_);
  removed_ = true;
  notify();
}

// With mutex_ held, as all up to wake().
void Seat::notify() {
  if (!running_) schedule_->lot.notify(ticket_);
}

bool Seat::rests() const {
  return paused_ || account_->skip;
}

void Seat::bring_forward(milliseconds turn) {
  const auto soon = std::max(schedule_->clock.steady() + turn, not_before_);
  next_poll_ = std::min(next_poll_, soon);
  safety_poll_ = std::min(safety_poll_, soon);
}

mail::SteadyTime Seat::due_at() const {
  if (rests()) return kNever;
  return waiting_ && waiting_->all ? safety_poll_ : next_poll_;
}

// Runs on the lot's thread, or within begin(): only hands on.
void Seat::wake() {
  running_ = true;
  schedule_->pool.submit([self = shared_from_this()](const std::stop_token& stop) { self->run(stop); });
}

void Seat::run(const std::stop_token& stop) {
  if (stop.stop_requested()) return;
  const Errand errand = take_up();
  if (retired_) retired_->disconnect();
  retired_.reset();
  switch (errand) {
    case Errand::kNothing: break;
    case Errand::kQueue: schedule_->make_room(ConnectionBudget::place_of(*account_)); break;
    case Errand::kPoll: poll({}, stop); break;
    case Errand::kAsked: poll(next_asked(), stop); break;
    case Errand::kLook:
    case Errand::kVerify: look(errand, stop); break;
    case Errand::kLeave: poller_->disconnect(); break;
    case Errand::kEnd: poller_->disconnect(); return;
  }
  if (!stop.stop_requested()) lay_down(stop);
}

Seat::Errand Seat::take_up() {
  std::lock_guard lock(mutex_);
  if (removed_) return Errand::kEnd;
  if (next_config_) take_configuration();
  const Errand errand = errand_now();
  queued_ = errand == Errand::kQueue;
  polling_ = errand == Errand::kPoll || errand == Errand::kAsked;
  again_ = again_ && (queued_ || errand == Errand::kAsked);
  give_way_ = false;
  if (errand == Errand::kPoll || errand == Errand::kVerify) verify_at_.reset();
  if (errand == Errand::kLeave) waiting_.reset();
  return errand;
}

void Seat::take_configuration() {
  auto config = std::move(next_config_);
  next_config_ = nullptr;
  if (next_account_->written == account_->written && digest_of(*next_account_) == sign_in_digest_) {
    poller_->renew(std::move(config), *next_account_);
    account_ = next_account_;
    paused_ = paused_ && poller_->paused();  // a secret that is asked for each time may be another one now
    return;
  }
  retired_ = std::move(poller_);
  waiting_.reset();
  adopt(std::move(config), *next_account_);
  paused_ = poller_->paused();
  not_before_ = {};
  bring_forward({});
}

Seat::Errand Seat::errand_now() {
  const auto now = schedule_->clock.steady();
  const bool open = is_open(account_->poll_when, schedule_->clock.wall());
  if (!asked_.empty() || again_ || (open && now >= due_at())) {
    const bool connected = waiting_.has_value();
    if (!connected && !schedule_->budget.has_room(ConnectionBudget::place_of(*account_))) return Errand::kQueue;
    return asked_.empty() ? Errand::kPoll : Errand::kAsked;
  }
  if (!waiting_) return Errand::kNothing;
  if (!open || rests() || give_way_) return Errand::kLeave;
  if (verify_at_ && now >= *verify_at_) return Errand::kVerify;
  return now >= rest_until_ ? Errand::kLook : Errand::kNothing;
}

void Seat::look(Errand errand, const std::stop_token& stop) {
  auto news = errand == Errand::kVerify ? poller_->verify(stop) : poller_->woken(stop);
  if (!news) {
    connection_lost();
  } else if (news->any) {
    retrieval::PollOptions options;
    options.folders = news->folders;
    poll(options, stop);
  }
}

// It is dialled again with the next poll: in turn where a server's end has cut off many, later and later where it cuts
// off soon each time.
void Seat::connection_lost() {
  std::lock_guard lock(mutex_);
  waiting_.reset();
  const auto now = schedule_->clock.steady();
  short_waits_ = now - waiting_since_ < kShortWait ? short_waits_ + 1 : 0;
  milliseconds wait = turn_of(account_->name, schedule_->accounts);
  if (short_waits_ > 1) {
    const auto backoff =
        std::min<seconds>(account_->poll, seconds(5) * (std::int64_t{1} << std::min(short_waits_, 20U)));
    wait += delayed(backoff, spread_of(account_->name, now));
  }
  bring_forward(wait);
  if (short_waits_ > 1) next_poll_ = std::max(next_poll_, now + wait);
}

retrieval::PollOptions Seat::next_asked() {
  std::lock_guard lock(mutex_);
  retrieval::PollOptions options = std::move(asked_.front());
  asked_.pop_front();
  return options;
}

void Seat::poll(const retrieval::PollOptions& options, const std::stop_token& stop) {
  {
    std::lock_guard lock(mutex_);
    polling_ = true;
  }
  retrieval::PollObserver silent;
  const PollReport report = poller_->poll(options, silent, nullptr, stop);
  tell(report);
  settle(report, !is_special(options));
}

void Seat::settle(const PollReport& report, bool whole) {
  std::lock_guard lock(mutex_);
  polling_ = false;
  polled_ = !report.failure;
  waiting_.reset();
  const auto now = schedule_->clock.steady();
  failures_ = report.failures;
  paused_ = report.next.paused;
  if (report.next.not_before > seconds(0)) not_before_ = now + report.next.not_before;
  if (whole || report.failure || report.again_soon || report.next.not_before > seconds(0)) {
    next_poll_ = safety_poll_ = now + report.next.in;
    const bool calm = !report.failure && !report.again_soon;
    if (calm)
      safety_poll_ =
          now + std::max(report.next.not_before, jittered(account_->poll_waiting, spread_of(account_->name, now)));
  }
  const bool fruitless = !whole && report.counts.accepted + report.counts.duplicates + report.counts.skipped == 0;
  fruitless_ = fruitless ? fruitless_ + 1 : 0;
  rest_until_ = now + rest_after_fruitless(fruitless_);
}

void Seat::lay_down(const std::stop_token& stop) {
  const bool waits = start_waiting(stop);
  {
    std::lock_guard lock(mutex_);
    if (!removed_) {
      park();
      return;
    }
  }
  if (waits) poller_->disconnect();
}

// True: connections are open.
bool Seat::start_waiting(const std::stop_token& stop) {
  bool may_wait = false;
  {
    std::lock_guard lock(mutex_);
    if (waiting_) return true;
    may_wait = std::exchange(polled_, false) && !removed_ && !rests() && account_->idle.wanted &&
               is_open(account_->poll_when, schedule_->clock.wall());
    if (!may_wait) deaf_ = false;
  }
  if (!may_wait) {
    poller_->disconnect();
    return false;
  }
  auto waiting = poller_->start_waiting(stop);
  if (waiting && !waiting->trouble.empty())
    schedule_->log.info(fmt::format("account {}: waits for news on {} connections only: {}", account_->name,
                                    waiting->connections, waiting->trouble));
  std::lock_guard lock(mutex_);
  waiting_ = std::move(waiting);
  waiting_since_ = schedule_->clock.steady();
  deaf_ = !waiting_;
  return waiting_.has_value();
}

// With mutex_ held.
void Seat::park() {
  const auto now = schedule_->clock.steady();
  const bool again = ((again_ || !asked_.empty()) && !queued_) || next_config_;
  const bool listen = waiting_ && now >= rest_until_ && !again;
  running_ = false;
  // The lot keeps an account that was removed alive until it has said goodbye.
  ticket_ =
      schedule_->lot.park(listen ? waiting_->descriptor : -1, listen ? net::Interest::kRead : net::Interest::kNone,
                          again ? now : next_look(), [self = shared_from_this()](net::WakeReason reason) {
                            if (reason == net::WakeReason::kStopped) return;
                            std::lock_guard lock(self->mutex_);
                            self->wake();
                          });
}

mail::SteadyTime Seat::next_look() const {
  const auto now = schedule_->clock.steady();
  if (queued_) return now + kQueueTurn;
  mail::SteadyTime look = due_at();
  if (!account_->poll_when.empty() && !rests()) {
    const auto opens = opens_in(account_->poll_when, schedule_->clock.wall());
    if (opens && *opens == seconds(0))
      look = std::min(look, waiting_ ? now + kWindowLook : kNever);
    else
      look = now + std::min<seconds>(opens.value_or(kLongestWindowWait), kLongestWindowWait);
  }
  if (!waiting_) return look;
  if (verify_at_) look = std::min(look, *verify_at_);
  if (now < rest_until_) return std::min(look, rest_until_);
  return std::min(look, now + poller_->waiting_limit());
}

AccountFacts Seat::facts() const {
  using State = AccountFacts::State;
  std::lock_guard lock(mutex_);
  AccountFacts facts;
  facts.account = account_->name;
  const auto now = schedule_->clock.steady();
  const bool open = is_open(account_->poll_when, schedule_->clock.wall());
  if (const auto due = due_at(); due != kNever)
    facts.next_poll = std::max(std::chrono::ceil<seconds>(due - now), seconds(0));
  if (!open && facts.next_poll)
    facts.next_poll =
        std::max(*facts.next_poll, opens_in(account_->poll_when, schedule_->clock.wall()).value_or(seconds(0)));
  if (polling_) {
    facts.state = State::kPolling;
  } else if (paused_) {
    facts.state = State::kPaused;
  } else if (account_->skip) {
    facts.state = State::kSkipped;
  } else if (queued_) {
    facts.state = State::kQueued;
    facts.reason = "as many connections are open as \"limits\" allow";
  } else if (waiting_) {
    facts.state = State::kIdle;
    facts.connections = waiting_->connections;
    facts.folders = waiting_->folders;
  } else if (!open) {
    facts.state = State::kOutsideHours;
  } else if (not_before_ > now) {
    facts.reason = "the server asked for it";
  } else if (failures_ > 0) {
    facts.reason = fmt::format("after {} failure{} in a row", failures_, failures_ == 1 ? "" : "s");
  } else if (deaf_) {
    facts.reason = "the server offers no IDLE";
  }
  return facts;
}

void Seat::tell(const PollReport& report) {
  const std::string& name = account_->name;
  Log& log = schedule_->log;
  for (const auto& warning : report.warnings) log.warning(fmt::format("account {}: {}", name, warning));
  if (report.failure && report.failure->kind() == mail::FailureKind::kCancelled) return;
  if (report.failure) {
    const std::string line = fmt::format("account {}: {}; {}", name, report.failure->text(),
                                         report.next.paused ? "paused until its settings change"
                                                            : "next try in " + mail::format_duration(report.next.in));
    const auto say = schedule_->trouble.failed(name, report.failure->text(), schedule_->clock.steady());
    if (say == TroubleLog::Say::kIt || report.next.paused)
      log.error(line);
    else
      log.debug(line);
    if (say == TroubleLog::Say::kOthers)
      log.error(
          fmt::format("more accounts fail in the same way: {}; each is tried again by itself, see: mailstead status",
                      report.failure->text()));
    if (!report.failure->detail().empty()) log.debug(fmt::format("account {}: {}", name, report.failure->detail()));
    return;
  }
  if (schedule_->trouble.succeeded(name)) log.info(fmt::format("account {}: works again", name));
  if (report.marked > 0)
    log.info(fmt::format("account {}: {} messages count as retrieved from now on", name, report.marked));
  if (report.counts.accepted + report.counts.duplicates + report.counts.skipped + report.cleaned > 0)
    log.info(fmt::format("account {}: {} new, {} duplicates, {} skipped, {} cleaned up, {} in {} ms", name,
                         report.counts.accepted, report.counts.duplicates, report.counts.skipped, report.cleaned,
                         mail::format_size(report.counts.bytes), report.took.count()));
}

}  // namespace mailstead::agent
