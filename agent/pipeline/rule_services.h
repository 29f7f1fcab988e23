// All that rules may ask beyond the message, for one who asks for decisions.
#pragma once

#include "agent/pipeline/rule_programs.h"
#include "agent/pipeline/spam_judges.h"

namespace mailstead::agent {

// `config` and `store` outlive it; without a store what a filter makes is in memory.
struct RuleServices {
  explicit RuleServices(const Config& config, storage::ContentStore* store = nullptr, const std::stop_token& stop = {})
      : programs(store, stop), spam_filters(config.spam_filters, stop) {}

  const RulePrograms programs;
  const SpamJudges spam_filters;
};

}  // namespace mailstead::agent
