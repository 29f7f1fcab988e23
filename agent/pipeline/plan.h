// Turns what the rules decided into what the accept transaction keeps: edited forms, placements, deliveries, history.
#pragma once

#include <memory>
#include <vector>

#include "agent/config/config.h"
#include "agent/pipeline/examined.h"
#include "router/decision.h"
#include "storage/acceptance.h"

namespace mailstead::agent {

// Fills contents, placements, deliveries, events and discarded of `acceptance`; the rest of it is the caller's.
// Every decision ends in at least one placement or delivery, or in `discarded` (promise 3): what names no usable
// destination goes to the undelivered user's INBOX, with an event that says so. The result: the bytes that each of
// decision.runs is to get, in their order.
std::vector<std::shared_ptr<const mail::Content>> plan_acceptance(const Config& config,
                                                                  const router::Decision& decision,
                                                                  const Examined& message,
                                                                  storage::Acceptance& acceptance);

}  // namespace mailstead::agent
