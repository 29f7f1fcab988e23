#include "connectors/local/local_transport.h"

#include "mail/failure.h"

namespace mailstead::local {
namespace {

using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;

Result same_for_all(const Outgoing& message, const Reply& reply, bool answer_lost) {
  Result result;
  for (const auto& recipient : message.recipients) result.answers.push_back({recipient, reply, answer_lost});
  if (message.recipients.empty()) result.answers.push_back({"", reply, answer_lost});
  return result;
}

}  // namespace

Result LocalTransport::deliver(const Outgoing& message, const delivery::Context& context) {
  bool maybe_there = false;
  try {
    return same_for_all(message, put(message, context, maybe_there), false);
  } catch (const mail::Failure& failure) {
    auto result = same_for_all(message, {Reply::Kind::kTemporary, 0, "", failure.text()}, maybe_there);
    result.failure = failure;
    return result;
  }
}

}  // namespace mailstead::local
