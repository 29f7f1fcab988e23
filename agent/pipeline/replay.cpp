#include "agent/pipeline/replay.h"

#include "agent/pipeline/examined.h"
#include "agent/pipeline/plan.h"
#include "agent/pipeline/rule_memory.h"

#include <algorithm>

namespace mailstead::agent {

namespace {

// What the store wrote down when it accepted the message.
std::vector<std::string> outcome_of(const storage::MessageHistory& history) {
  std::vector<std::string> outcome;
  for (const auto& event : history.events) {
    if (event.kind == "placed" || event.kind == "queued") outcome.push_back(event.text);
    if (event.kind == "discarded" && event.text.starts_with("by rule")) outcome.emplace_back("discarded");
  }
  std::sort(outcome.begin(), outcome.end());
  return outcome;
}

// The same of what would be accepted today.
std::vector<std::string> outcome_of(const storage::Acceptance& acceptance) {
  storage::MessageHistory as_recorded;
  as_recorded.events = storage::outcome_events(acceptance);
  if (acceptance.discarded) as_recorded.events.push_back({acceptance.now, "discarded", "by rule"});
  return outcome_of(as_recorded);
}

std::vector<std::string> outcome_today(storage::Store& store, const Config& config,
                                       const storage::MessageHistory& history, storage::ContentId content,
                                       const RuleServices& services, mail::WallTime now) {
  const auto account = config.accounts.find(history.source.account);
  const Examined message(store.content().open(content), account == config.accounts.end() ? nullptr : &account->second);
  const Origin origin{history.source.account, history.source.folder, {}, history.internal_date};
  const MemoryOfKept memory;
  const router::Decision decision = config.rules->decide(message.subject(origin, now, services, &memory));
  if (decision.postponed) return {"waits on its server"};
  storage::Acceptance acceptance;
  acceptance.now = now;
  acceptance.internal_date = history.internal_date;
  plan_acceptance(config, decision, message, acceptance);
  return outcome_of(acceptance);
}

}  // namespace

ReplayCounts replay(storage::Store& store, const Config& config, std::size_t limit, mail::WallTime now,
                    const std::function<void(const Replayed&)>& show) {
  ReplayCounts counts;
  const RuleServices services(config);
  for (const auto& history : store.history().search("", limit)) {
    if (history.duplicate_of != 0) continue;
    const auto content = store.history().content_of(history.id);
    if (!content) {
      ++counts.gone;
      continue;
    }
    ++counts.messages;
    Replayed replayed{history.id, history.from, history.subject, outcome_of(history), {}};
    try {
      replayed.would = outcome_today(store, config, history, *content, services, now);
    } catch (const Unrepeatable&) {
      continue;
    }
    if (replayed.was == replayed.would) continue;
    ++counts.different;
    show(replayed);
  }
  return counts;
}

}  // namespace mailstead::agent
