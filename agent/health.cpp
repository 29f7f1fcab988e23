#include "agent/health.h"

#include "mail/escape.h"
#include "mail/units.h"

#include <fmt/format.h>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMessagesNamed = 3;  // of those stepped over, in one line

std::string ago(mail::WallTime time, mail::WallTime now) {
  return mail::format_duration(std::max(now - time, std::chrono::seconds(0)));
}

const storage::AccountState* find_state(const HealthFacts& facts, const std::string& account) {
  for (const auto& state : facts.states)
    if (state.account == account) return &state;
  return nullptr;
}

std::string stepped_over_line(const std::vector<const storage::Trouble*>& messages) {
  std::string line = fmt::format(
      "{} stepped over: {}", messages.size() == 1 ? "1 message was" : fmt::format("{} messages were", messages.size()),
      text_of(*messages.front()));
  for (std::size_t i = 1; i < std::min(messages.size(), kMessagesNamed); ++i) line += "; " + text_of(*messages[i]);
  if (messages.size() > kMessagesNamed) line += fmt::format("; and {} more", messages.size() - kMessagesNamed);
  return line;
}

std::string queue_line(const HealthFacts& facts, mail::WallTime now) {
  std::size_t late = 0;
  const storage::QueuedDelivery* oldest = nullptr;
  for (const auto& delivery : facts.queue) {
    if (now - delivery.created < kDeliveryWait) continue;
    ++late;
    if (oldest == nullptr || delivery.created < oldest->created) oldest = &delivery;
  }
  if (oldest == nullptr) return {};
  return fmt::format("queue: {} for more than {}, the oldest for {} to {}: {}",
                     late == 1 ? "1 delivery waits" : fmt::format("{} deliveries wait", late),
                     mail::format_duration(kDeliveryWait), ago(oldest->created, now), oldest->destination,
                     oldest->last_error.empty() ? "not tried yet" : oldest->last_error);
}

}  // namespace

std::chrono::seconds silence_limit(const AccountConfig& account, std::optional<std::chrono::seconds> asked) {
  return asked.value_or(std::max<std::chrono::seconds>(kSilentFor, account.poll * kSilentPolls));
}

std::string trouble_of(const AccountConfig& account, const std::optional<storage::AccountState>& state,
                       mail::WallTime now, std::optional<std::chrono::seconds> silent_for) {
  if (account.skip && (!state || !state->paused)) return {};  // polled only when it is named
  if (!state || !state->last_poll) return "never polled";
  if (state->paused) return "paused: " + state->last_error;
  const auto limit = silence_limit(account, silent_for);
  if (!state->last_success)
    return state->failures > 1 ? fmt::format("no poll succeeded yet, {} failed: {}", state->failures, state->last_error)
                               : "";
  if (now - *state->last_success < limit) return {};
  return fmt::format("silent: no poll succeeded for {}{}", ago(*state->last_success, now),
                     state->last_error.empty() ? std::string() : ": " + state->last_error);
}

std::string text_of(const storage::Trouble& trouble) {
  const auto& source = trouble.source;
  std::string where = source.folder.empty() ? "" : source.folder + ", ";
  where += source.uidl.empty() ? fmt::format("UID {}", source.uid) : "UIDL " + source.uidl;
  return mail::printable(fmt::format("{}, tried {} {}: {}", where, trouble.attempts,
                                     trouble.attempts == 1 ? "time" : "times", trouble.reason));
}

std::vector<std::string> troubles_of(const HealthFacts& facts, mail::WallTime now,
                                     std::optional<std::chrono::seconds> silent_for) {
  std::vector<std::string> lines;
  for (const auto& [name, account] : facts.config.accounts) {
    const auto* state = find_state(facts, name);
    const auto trouble = trouble_of(account, state == nullptr ? std::nullopt : std::optional(*state), now, silent_for);
    if (!trouble.empty()) lines.push_back(fmt::format("account {}: {}", name, trouble));
    std::vector<const storage::Trouble*> messages;
    for (const auto& one : facts.stepped_over)
      if (one.stepped_over && one.source.account == name) messages.push_back(&one);
    if (!messages.empty()) lines.push_back(fmt::format("account {}: {}", name, stepped_over_line(messages)));
  }
  if (auto line = queue_line(facts, now); !line.empty()) lines.push_back(std::move(line));
  for (auto& line : lines) line = mail::printable(line, 2000);
  return lines;
}

}  // namespace mailstead::agent
