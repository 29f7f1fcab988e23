#include "agent/pipeline/trouble_log.h"

namespace mailstead::agent {
namespace {

constexpr std::size_t kFew = 3;             // accounts that fail alike and are named each
constexpr std::chrono::hours kSayAgain{6};  // trouble that lasts is recalled
constexpr std::size_t kMaxReason = 120;

// "imap.example.org:993: network is unreachable" is about the network.
std::string core_of(const std::string& reason) {
  const auto colon = reason.rfind(": ");
  return (colon == std::string::npos ? reason : reason.substr(colon + 2)).substr(0, kMaxReason);
}

}  // namespace

TroubleLog::Say TroubleLog::failed(const std::string& account, const std::string& reason, mail::SteadyTime now) {
  const std::string core = core_of(reason);
  std::lock_guard lock(mutex_);
  Last& last = last_[account];
  if (last.reason == core) {
    // The others have recovered: what was one of many is trouble of its own by now.
    const bool own = !last.was_said && storms_[core].accounts.size() <= kFew;
    if (!own && (!last.was_said || now - last.said < kSayAgain)) return Say::kNothing;
    last.said = now;
    last.was_said = true;
    return Say::kIt;
  }
  leave(account, last.reason);
  Storm& storm = storms_[core];
  storm.accounts.insert(account);
  last = {core, now, storm.accounts.size() <= kFew};
  if (last.was_said) return Say::kIt;
  if (storm.said) return Say::kNothing;
  storm.said = true;
  return Say::kOthers;
}

bool TroubleLog::succeeded(const std::string& account) {
  std::lock_guard lock(mutex_);
  const auto found = last_.find(account);
  if (found == last_.end()) return false;
  const bool was_said = found->second.was_said;
  leave(account, found->second.reason);
  last_.erase(found);
  return was_said;
}

void TroubleLog::forget(const std::string& account) {
  (void)succeeded(account);
}

void TroubleLog::leave(const std::string& account, const std::string& reason) {
  const auto storm = storms_.find(reason);
  if (storm == storms_.end()) return;
  storm->second.accounts.erase(account);
  if (storm->second.accounts.empty()) storms_.erase(storm);
}

}  // namespace mailstead::agent
