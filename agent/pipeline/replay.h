// The newest messages under the rules as they are now, beside what was done with them when they came.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct Replayed {
  storage::MessageId message = 0;
  std::string from, subject;            // printable
  std::vector<std::string> was, would;  // "in alice/INBOX", "for relay bob@example.com", "discarded"; sorted
};

struct ReplayCounts {
  std::uint64_t messages = 0;   // looked at
  std::uint64_t gone = 0;       // left out: their bytes are not kept any more
  std::uint64_t different = 0;  // shown
};

// Shows those of the newest `limit` messages, duplicates not counted, that would go otherwise. Rules see flags of the
// source as unset, and a message that its rules edited as it is kept. Throws Failure(kStorage).
[[nodiscard]] ReplayCounts replay(storage::Store& store, const Config& config, std::size_t limit, mail::WallTime now,
                                  const std::function<void(const Replayed&)>& show);

}  // namespace mailstead::agent
