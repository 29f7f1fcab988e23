// A transport to a place on this machine that takes a message whole or not at all, and holds no connection.
#pragma once

#include "connectors/destination.h"

namespace mailstead::local {

class LocalTransport : public delivery::Transport {
 public:
  [[nodiscard]] delivery::Result deliver(const delivery::Outgoing& message, const delivery::Context& context) final;
  [[nodiscard]] bool worth_keeping() const noexcept final { return false; }
  void close() noexcept final {}

 protected:
  // Delivers; the answer is the same for all recipients. `maybe_there` tells how far it came when it throws a Failure:
  // whether the message may be there nevertheless.
  [[nodiscard]] virtual delivery::Reply put(const delivery::Outgoing& message, const delivery::Context& context,
                                            bool& maybe_there) = 0;
};

}  // namespace mailstead::local
