#include "agent/commands/poll_arguments.h"

#include "mail/units.h"

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <ctime>

namespace mailstead::agent {

namespace {

void refuse(const std::string& what, const std::string& hint) {
  throw Refusal{"poll", what, hint};
}

void check_together(const PollArguments& given) {
  if (given.mark_retrieved && given.dry_run)
    refuse("--mark-retrieved and --dry-run together", "--dry-run alone lists what --mark-retrieved would mark");
  if (given.mark_retrieved && given.limit > 0)
    refuse("--mark-retrieved and --limit together", "all that is there counts as retrieved, or nothing");
  if (given.mark_retrieved && !given.since.empty())
    refuse("--mark-retrieved and --since together",
           fmt::format("to fetch the newer and leave the older for good: mailstead poll --since {}, then: mailstead "
                       "poll --mark-retrieved",
                       given.since));
  if (given.retry_skipped && given.mark_retrieved)
    refuse("--mark-retrieved and --retry-skipped together", "the one leaves messages alone, the other fetches them");
  if (given.retry_skipped && given.dry_run)
    refuse("--dry-run and --retry-skipped together", "mailstead status lists what was stepped over");
}

std::optional<mail::WallTime> local_midnight_or_time(const std::string& text) {
  for (const char* form : {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end == nullptr || *end != '\0') continue;
    const int day = parts.tm_mday;
    parts.tm_isdst = -1;
    const std::time_t seconds = std::mktime(&parts);
    if (seconds == -1 || parts.tm_mday != day) return std::nullopt;  // the 30th of February
    return mail::WallTime(std::chrono::seconds(seconds));
  }
  return std::nullopt;
}

}  // namespace

std::optional<mail::WallTime> parse_since(const std::string& text, mail::WallTime now) {
  if (auto time = local_midnight_or_time(text)) return time;
  if (auto before = mail::parse_duration(text)) return now - *before;
  return std::nullopt;
}

const AccountConfig& account_named(const Config& config, const std::string& name) {
  auto found = config.accounts.find(name);
  if (found != config.accounts.end()) return found->second;
  std::vector<std::string> known;
  for (const auto& [other, account] : config.accounts) known.push_back(other);
  const auto meant = mail::nearest(name, known);
  throw Refusal{config.file, fmt::format("there is no account \"{}\"", name),
                meant.empty() ? fmt::format("accounts are: {}", fmt::join(known, ", "))
                              : fmt::format("did you mean \"{}\"?", meant)};
}

void PollArguments::add_to(CLI::App& app) {
  app.add_option("ACCOUNT", accounts, "Accounts to poll (default: all)");
  app.add_flag("--dry-run", dry_run, "Show what would be fetched; fetch nothing, touch nothing");
  app.add_option("--limit", limit, "At most so many messages of each account")
      ->check(CLI::PositiveNumber.description(""))
      ->type_name("N");
  app.add_option("--folder", folders, "Only this folder of those the account takes; may be repeated (IMAP)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  app.add_option("--since", since, "Only what arrived since then: 2026-01-01, or 30d ago; the older stays for later")
      ->type_name("DATE|DURATION");
  app.add_flag("--mark-retrieved", mark_retrieved,
               "Take all that is there for retrieved: fetch nothing of it, now or later");
  app.add_flag("--retry-skipped", retry_skipped,
               "Try again what was left on the server: too large, or not handed over whole (see: mailstead status)");
  app.add_flag("--json", json, "The result as JSON");
}

control::PollRequest PollArguments::request(const Config& config, mail::WallTime now) const {
  check_together(*this);
  control::PollRequest made;
  made.accounts = accounts;
  made.retry_skipped = retry_skipped;
  made.options.dry_run = dry_run;
  made.options.limit = limit;
  made.options.mark_retrieved = mark_retrieved;
  made.options.folders = folders;
  for (const auto& name : accounts) {
    const auto& account = account_named(config, name);
    if (!folders.empty() && account.protocol == Protocol::kPop3)
      refuse(fmt::format("--folder, but the account \"{}\" is POP3, which has one mailbox", name),
             "leave --folder out");
  }
  if (!since.empty()) {
    made.options.since = parse_since(since, now);
    if (!made.options.since)
      refuse(fmt::format("--since: \"{}\" is neither a date nor a duration", since), "write 2026-01-01, or 30d");
    if (*made.options.since > now)
      refuse(fmt::format("--since: \"{}\" lies in the future", since), "nothing arrived since then");
  }
  return made;
}

}  // namespace mailstead::agent
