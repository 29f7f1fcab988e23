#include "agent/pipeline/spam_judges.h"

#include "connectors/http/rspamd.h"
#include "connectors/net/dial.h"
#include "connectors/spamd/client.h"
#include "mail/failure.h"
#include "mail/units.h"
#include "router/subject.h"

#include <fmt/format.h>

#include <utility>

namespace mailstead::agent {

namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

Failure without_verdict(const SpamFilterConfig& filter, FailureScope scope, const std::string& why) {
  return {FailureKind::kTemporary, scope, fmt::format("spam filter \"{}\" gives no verdict: {}", filter.name, why)};
}

}  // namespace

SpamJudges::SpamJudges(const std::map<std::string, SpamFilterConfig>& filters, std::stop_token stop)
    : filters_(filters), stop_(std::move(stop)) {}

router::SpamAnswer SpamJudges::judge(const std::string& name, const router::Subject& subject) const {
  const SpamFilterConfig& filter = filters_.at(name);
  if (subject.content.size() > filter.largest)
    return {std::nullopt, fmt::format("was not asked: {} is more than {}", mail::format_size(subject.content.size()),
                                      mail::format_size(filter.largest))};
  check_rest(filter);
  return {ask(filter, subject), {}};
}

// What goes wrong on an open connection may be this message's doing: one that has the filter crash does not keep all
// others waiting. Only when the next one fares no better the filter is left alone.
mail::SpamVerdict SpamJudges::ask(const SpamFilterConfig& filter, const router::Subject& subject) const {
  const auto deadline = net::Deadline::in(filter.timeout, stop_);
  FailureScope scope = FailureScope::kAccount;
  try {
    http::RspamdRequest request{
        filter.authority, filter.target, {}, subject.content, std::string(subject.envelope_from), subject.envelope_to};
    if (filter.password) request.password = filter.password();
    const auto stream = net::dial(filter.endpoint, deadline);
    scope = FailureScope::kMessage;
    auto verdict = filter.type == SpamFilterConfig::Type::kRspamd
                       ? http::ask_rspamd(*stream, request, deadline)
                       : spamd::ask(*stream, filter.user, subject.content, deadline);
    std::lock_guard lock(mutex_);
    failed_over_.erase(filter.name);
    return verdict;
  } catch (const Failure& failure) {
    if (failure.kind() == FailureKind::kCancelled) throw;
    if (failure.scope() == FailureScope::kAccount) scope = FailureScope::kAccount;
    const bool again = failure.scope() != FailureScope::kMessage && fails_again(filter.name, subject.facts.content);
    if (scope == FailureScope::kAccount || again) let_rest(filter.name, failure.text());
    throw without_verdict(filter, scope, failure.text());
  }
}

void SpamJudges::check_rest(const SpamFilterConfig& filter) const {
  std::lock_guard lock(mutex_);
  const auto found = resting_.find(filter.name);
  if (found == resting_.end()) return;
  if (std::chrono::steady_clock::now() < found->second.until)
    throw without_verdict(filter, FailureScope::kAccount, found->second.why);
  resting_.erase(found);
}

bool SpamJudges::fails_again(const std::string& filter, const mail::Sha256& message) const {
  std::lock_guard lock(mutex_);
  const auto [found, first] = failed_over_.try_emplace(filter, message);
  return !first && std::exchange(found->second, message) != message;
}

void SpamJudges::let_rest(const std::string& filter, const std::string& why) const {
  std::lock_guard lock(mutex_);
  resting_[filter] = {std::chrono::steady_clock::now() + kSpamFilterRest, why};
}

}  // namespace mailstead::agent
