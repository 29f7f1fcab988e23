// The rate of one destination: a bucket of messages and one of octets, full at first, refilled evenly.
#pragma once

#include "agent/config/config.h"
#include "mail/clock.h"

namespace mailstead::agent {

// One thread at a time.
class Pace {
 public:
  explicit Pace(const RateLimit& limit) : limit_(limit) {}

  // Whether one more message may begin. What one costs beyond what is left is owed and paid by waiting, so that a
  // message larger than the bucket is delivered, too.
  [[nodiscard]] bool ready(mail::SteadyTime now);
  void took(mail::ByteCount size, mail::SteadyTime now);
  // From when on it will be ready, if nothing is taken until then.
  [[nodiscard]] mail::SteadyTime ready_at(mail::SteadyTime now);

 private:
  void refill(mail::SteadyTime now);

  RateLimit limit_;
  bool begun_ = false;
  mail::SteadyTime filled_at_{};
  double messages_ = 0, bytes_ = 0;  // left; below zero: owed
};

}  // namespace mailstead::agent
