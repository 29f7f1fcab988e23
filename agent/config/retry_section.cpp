// How deliveries are spread over time: "retry", of all destinations or of one, and "rate".
#include "agent/config/sections.h"

namespace mailstead::agent {

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMaxSteps = 100;

}  // namespace

void read_retry(Section& section, RetryPolicy& retry) {
  if (auto schedule = section.durations("schedule", 1s, 7 * 24h); !schedule.empty()) retry.schedule = schedule;
  if (retry.schedule.size() > kMaxSteps)
    section.fault("schedule", "has more than 100 steps", "the last one goes on by itself");
  retry.give_up = section.duration("give_up", 1s, 30 * 24h).value_or(retry.give_up);
  retry.warn_after = section.duration("warn_after", 0s, 30 * 24h).value_or(retry.warn_after);
}

void read_rate(Section& section, RateLimit& rate) {
  if (!section.has("messages") && !section.has("bytes")) section.fault({}, "needs \"messages\" or \"bytes\"");
  rate.messages = section.count("messages", 1, 1'000'000'000).value_or(0);
  rate.bytes = section.size("bytes").value_or(0);
  if (section.has("bytes") && rate.bytes == 0) section.fault("bytes", "lets nothing through");
  rate.per = section.duration("per", 1s, 24h).value_or(rate.per);
}

}  // namespace mailstead::agent
