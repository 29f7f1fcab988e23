#include "connectors/local/local_transport.h"

#include "mail/failure.h"

namespace mailstead::local {
namespace {

using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;

}  // namespace

Result LocalTransport::deliver(const Outgoing& message, const delivery::Context& context) {
  bool maybe_there = false;
  try {
    return Result::same_for_all(message.recipients, put(message, context, maybe_there), false);
  } catch (const mail::Failure& failure) {
    auto result =
        Result::same_for_all(message.recipients, {Reply::Kind::kTemporary, 0, "", failure.text()}, maybe_there);
    result.failure = failure;
    return result;
  }
}

}  // namespace mailstead::local
