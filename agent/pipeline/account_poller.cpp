#include "agent/pipeline/account_poller.h"

#include "agent/pipeline/counted_stream.h"
#include "agent/trouble.h"
#include "connectors/imap/client/retriever.h"
#include "connectors/pop3/client/retriever.h"
#include "mail/units.h"

#include <fmt/format.h>

#include <limits>

namespace mailstead::agent {

namespace {

retrieval::AfterFetch after_fetch_of(AfterFetch::Do action) {
  switch (action) {
    case AfterFetch::Do::kKeep: return retrieval::AfterFetch::kKeep;
    case AfterFetch::Do::kDelete: return retrieval::AfterFetch::kDelete;
    case AfterFetch::Do::kSeen: return retrieval::AfterFetch::kSeen;
    case AfterFetch::Do::kMove: return retrieval::AfterFetch::kMove;
    case AfterFetch::Do::kKeyword: return retrieval::AfterFetch::kKeyword;
  }
  return retrieval::AfterFetch::kKeep;
}

storage::AccountState state_or_new(storage::Store& store, const std::string& account) {
  auto state = store.accounts().state(account);
  if (state) return *std::move(state);
  storage::AccountState fresh;
  fresh.account = account;
  return fresh;
}

}  // namespace

retrieval::AccountSettings settings_of(const AccountConfig& account) {
  retrieval::AccountSettings settings;
  settings.name = account.name;
  settings.pop3 = account.protocol == Protocol::kPop3;
  settings.endpoint = account.endpoint;
  settings.credentials = account.credentials;
  settings.folders = account.folders;
  settings.exclude_folders = account.exclude_folders;
  settings.subscribed = account.subscribed;
  settings.compress = account.compress;
  // A connection that waits for news is silent most of the time, and its compressor's memory would stay.
  if (account.idle.wanted && account.compress == retrieval::Compression::kAuto) {
    settings.compress = retrieval::Compression::kNever;
  }
  settings.after_fetch = after_fetch_of(account.after_fetch.action);
  settings.move_to = account.after_fetch.folder;
  settings.keyword = account.after_fetch.keyword;
  settings.only_if = account.after_fetch.only_if;
  settings.gmail_keeps_deleted = account.after_fetch.on_gmail == AfterFetch::OnGmail::kRemoveLabel;
  settings.after = account.after_fetch.after;
  settings.skip_larger_than = account.skip_larger_than;
  settings.commit_every = static_cast<std::uint32_t>(account.commit_every);
  settings.max_messages_per_poll = static_cast<std::uint32_t>(account.max_messages_per_poll);
  settings.connections = account.connections;
  settings.idle_folders = account.idle.folders;
  settings.force_idle = account.idle.force;
  settings.idle_connections = account.idle.connections;
  settings.idle_renewal = account.idle.renewal;
  return settings;
}

std::unique_ptr<retrieval::Retriever> make_retriever(const AccountConfig& account, const std::string& remembered,
                                                     ConnectionBudget* budget) {
  retrieval::AccountSettings settings = settings_of(account);
  retrieval::Dialer dialer = net::dial;
  if (budget != nullptr) {
    const auto place = ConnectionBudget::place_of(account);
    settings.may_connect = [budget, place] { return budget->has_room(place); };
    dialer = [budget, place](const net::Endpoint& endpoint, const net::Deadline& deadline) {
      auto permit = budget->take(place, deadline);
      return std::make_unique<CountedStream>(net::dial(endpoint, deadline), std::move(permit));
    };
  }
  if (account.trace)
    dialer = [dialer, name = account.name, sink = account.trace](const net::Endpoint& endpoint,
                                                                 const net::Deadline& deadline) {
      return net::dial_traced(dialer, endpoint, deadline, name, sink);
    };
  return account.protocol == Protocol::kPop3 ? pop3::make_retriever(std::move(settings), std::move(dialer), remembered)
                                             : imap::make_retriever(std::move(settings), std::move(dialer), remembered);
}

AccountPoller::AccountPoller(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
                             const mail::Clock& clock, Log& log, ConnectionBudget* budget)
    : AccountPoller(store, std::move(config), account, clock, log,
                    make_retriever(account, state_or_new(store, account.name).remote_capabilities, budget)) {}

AccountPoller::AccountPoller(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
                             const mail::Clock& clock, Log& log, std::unique_ptr<retrieval::Retriever> retriever)
    : store_(store),
      config_(std::move(config)),
      account_(&account),
      clock_(clock),
      log_(log),
      retriever_(std::move(retriever)) {}

PollReport AccountPoller::poll(const retrieval::PollOptions& options, retrieval::PollObserver& observer,
                               IntakeObserver* intake_observer, std::stop_token stop) {
  PollReport report;
  PollEnd end;
  const auto begun = clock_.steady();
  // "max_messages_per_poll" bounds what is fetched, not what is marked: all that is there counts, or nothing.
  retrieval::PollOptions asked = options;
  if (asked.mark_retrieved && asked.limit == 0) asked.limit = std::numeric_limits<std::uint32_t>::max();
  try {
    Intake intake(store_, config_, *account_, clock_, {intake_observer, &log_, stop});
    auto take = [&] { report.counts = intake.counts(); };
    try {
      auto result = retriever_->poll(store_.ledger(), intake, observer, asked, clock_.wall(), std::move(stop));
      report.cleaned = result.cleaned;
      report.marked = result.marked;
      report.copies = result.copies;
      // The rest behind a limit of the configuration follows at once; behind one that the user gave, in due time.
      report.more = result.more;
      report.again_soon = end.more = result.more && options.limit == 0;
      end.not_before = result.not_before;
      report.warnings = std::move(result.warnings);
      take();
    } catch (...) {
      take();
      throw;
    }
  } catch (const mail::Failure& failure) {
    report.failure = failure;
  } catch (const std::exception& error) {
    report.failure.emplace(mail::FailureKind::kTemporary, mail::FailureScope::kAccount,
                           std::string("unexpected: ") + error.what());
  }
  if (report.failure) retriever_->disconnect();
  report.took = std::chrono::duration_cast<std::chrono::milliseconds>(clock_.steady() - begun);
  // A poll of a part does not stand for the usual one.
  const bool whole = options.folders.empty() && options.limit == 0 && !options.since && !options.mark_retrieved;
  if (!options.dry_run) plan(report, end, whole);
  return report;
}

void AccountPoller::plan(PollReport& report, const PollEnd& end, bool whole) {
  PollEnd judged = end;
  const bool cancelled = report.failure && report.failure->kind() == mail::FailureKind::kCancelled;
  if (report.failure && !cancelled) {
    report.failures = state_or_new(store_, account_->name).failures + 1;
    // Who waits for news wants it soon: the interval says nothing of how patient the user is.
    const auto interval = account_->idle.wanted ? std::chrono::seconds(0) : account_->poll;
    judged.trouble = judge_poll(*report.failure, report.failures, interval);
  }
  report.next = plan_next_poll(account_->poll, judged, spread_of(account_->name, clock_.steady()));
  if (!cancelled) record(report, clock_.wall(), whole);
}

void AccountPoller::record(const PollReport& report, mail::WallTime now, bool whole) {
  try {
    auto state = state_or_new(store_, account_->name);
    state.last_poll = now;
    if (whole || report.failure) state.next_poll = now + report.next.in;
    state.retrieved_total += report.counts.accepted;
    state.duplicates_total += report.counts.duplicates;
    state.bytes_total += report.counts.bytes;
    state.new_last_poll = static_cast<std::uint32_t>(report.counts.accepted);
    state.failures = report.failures;
    state.last_error = report.failure ? report.failure->text() : "";
    if (!report.failure) state.last_success = now;
    state.paused = report.next.paused;
    state.configuration_digest = report.next.paused ? digest_of(*account_) : "";
    state.remote_capabilities = retriever_->remembered();
    store_.accounts().save(state);
  } catch (const mail::Failure& failure) {
    log_.error(fmt::format("account {}: its state could not be saved: {}", account_->name, failure.text()));
  }
}

bool AccountPoller::paused() const {
  // A password behind a command or the environment may be another one now: it is tried once more.
  if (account_->secret_file.empty() && account_->secret_mark.empty()) return false;
  const auto state = store_.accounts().state(account_->name);
  return state && state->paused && state->configuration_digest == digest_of(*account_);
}

std::optional<retrieval::Waiting> AccountPoller::start_waiting(std::stop_token stop) {
  try {
    auto waiting = account_->idle.wanted ? retriever_->start_waiting(std::move(stop)) : std::nullopt;
    if (!waiting) retriever_->disconnect();
    return waiting;
  } catch (const mail::Failure& failure) {
    log_.debug(fmt::format("account {}: waiting for news failed: {}", account_->name, failure.text()));
    retriever_->disconnect();
    return std::nullopt;
  }
}

std::optional<retrieval::News> AccountPoller::look(retrieval::News (retrieval::Retriever::*how)(std::stop_token),
                                                   std::stop_token stop) {
  try {
    return (retriever_.get()->*how)(std::move(stop));
  } catch (const mail::Failure& failure) {
    log_.debug(fmt::format("account {}: the waiting connection ended: {}", account_->name, failure.text()));
    retriever_->disconnect();
    return std::nullopt;
  }
}

std::optional<retrieval::News> AccountPoller::woken(std::stop_token stop) {
  return look(&retrieval::Retriever::woken, std::move(stop));
}

std::optional<retrieval::News> AccountPoller::verify(std::stop_token stop) {
  return look(&retrieval::Retriever::verify, std::move(stop));
}

std::chrono::seconds AccountPoller::waiting_limit() const {
  return retriever_->waiting_limit();
}

void AccountPoller::renew(std::shared_ptr<const Config> config, const AccountConfig& account) {
  account_ = &account;
  config_ = std::move(config);
}

void AccountPoller::disconnect() noexcept {
  retriever_->disconnect();
}

}  // namespace mailstead::agent
