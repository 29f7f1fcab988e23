// Asks the spam filters of the configuration for verdicts.
#pragma once

#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "agent/config/config.h"
#include "mail/clock.h"
#include "mail/digest.h"
#include "router/spam_filters.h"

namespace mailstead::agent {

// One that cannot be reached or does not answer is left alone for this long: a thousand messages do not wait for it one
// after the other.
inline constexpr std::chrono::seconds kSpamFilterRest{30};

// Thread-safe. A connection for each question.
class SpamJudges final : public router::SpamFilters {
 public:
  // `filters` outlive it.
  explicit SpamJudges(const std::map<std::string, SpamFilterConfig>& filters, std::stop_token stop = {});
  [[nodiscard]] router::SpamAnswer judge(const std::string& filter, const router::Subject& subject) const override;

 private:
  struct Rest {
    mail::SteadyTime until;
    std::string why;
  };
  [[nodiscard]] mail::SpamVerdict ask(const SpamFilterConfig& filter, const router::Subject& subject) const;
  void check_rest(const SpamFilterConfig& filter) const;
  void let_rest(const std::string& filter, const std::string& why) const;
  // Whether the filter failed over another message just before.
  [[nodiscard]] bool fails_again(const std::string& filter, const mail::Sha256& message) const;

  const std::map<std::string, SpamFilterConfig>& filters_;
  const std::stop_token stop_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::map<std::string, Rest> resting_;
  mutable std::map<std::string, mail::Sha256> failed_over_;  // since its last verdict
};

}  // namespace mailstead::agent
