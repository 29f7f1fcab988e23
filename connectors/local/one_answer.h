// The answer of a place that takes a message whole or not at all.
#pragma once

#include "connectors/destination.h"

namespace mailstead::local {

[[nodiscard]] inline delivery::Result same_for_all(const delivery::Outgoing& message, const delivery::Reply& reply,
                                                   bool answer_lost) {
  delivery::Result result;
  for (const auto& recipient : message.recipients) result.answers.push_back({recipient, reply, answer_lost});
  if (message.recipients.empty()) result.answers.push_back({"", reply, answer_lost});
  return result;
}

}  // namespace mailstead::local
