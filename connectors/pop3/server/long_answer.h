// A reply produced in slices, so that it costs neither memory nor a thread however long it is.
#pragma once

#include <string>

namespace mailstead::pop3 {

class LongAnswer {
 public:
  virtual ~LongAnswer() = default;
  // Appends about net::kOutputHighWater octets or less. True when the reply is complete. An exception ends the
  // connection: the client must not see a terminator behind half a message.
  [[nodiscard]] virtual bool produce(std::string& output) = 0;
};

}  // namespace mailstead::pop3
