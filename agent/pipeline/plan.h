// Turns what the rules decided into what the accept transaction keeps: edited forms, placements, deliveries, history.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "mail/content.h"
#include "mail/scan.h"
#include "router/decision.h"
#include "storage/acceptance.h"

namespace mailstead::agent {

// Fills contents, placements, deliveries, events and discarded of `acceptance`; the rest of it is the caller's.
// Every decision ends in at least one placement or delivery, or in `discarded` (promise 3): what names no usable
// destination goes to the undelivered user's INBOX, with an event that says so. The result: the bytes that each of
// decision.runs is to get, in their order.
std::vector<std::shared_ptr<const mail::Content>> plan_acceptance(
    const Config& config, const router::Decision& decision, const mail::MessageFacts& facts,
    std::shared_ptr<const mail::Content> content, const std::string& envelope_sender, storage::Acceptance& acceptance);

// The envelope sender of a retrieved message: its Return-Path, else the null sender.
[[nodiscard]] std::string envelope_sender_of(const mail::MessageFacts& facts);

}  // namespace mailstead::agent
