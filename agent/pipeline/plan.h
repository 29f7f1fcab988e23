// Turns what the rules decided into what the accept transaction keeps: edited forms, placements, deliveries, history.
#pragma once

#include "agent/config/config.h"
#include "agent/pipeline/examined.h"
#include "router/decision.h"
#include "storage/acceptance.h"

namespace mailstead::agent {

// Fills contents, placements, deliveries, events and discarded of `acceptance`; the rest of it is the caller's.
// Every decision ends in at least one placement or delivery, or in `discarded` (promise 3): what names no usable
// destination goes to the undelivered user's INBOX, with an event that says so.
void plan_acceptance(const Config& config, const router::Decision& decision, const Examined& message,
                     storage::Acceptance& acceptance);

}  // namespace mailstead::agent
