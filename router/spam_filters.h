// How rules ask spam filters, by the names of the configuration. The router does no I/O itself: whoever asks for a
// decision brings this along.
#pragma once

#include <optional>
#include <string>

#include "mail/spam_verdict.h"

namespace mailstead::router {

struct Subject;

struct SpamAnswer {
  std::optional<mail::SpamVerdict> verdict;  // nullopt: it was not asked, on purpose
  std::string words;                         // why not, printable
};

// Thread-safe. Throws Failure(kCancelled) on a stop request, and others where there is no answer: of scope kMessage
// when that is about this message, else no other one would get an answer now.
class SpamFilters {
 public:
  virtual ~SpamFilters() = default;
  [[nodiscard]] virtual SpamAnswer judge(const std::string& filter, const Subject& subject) const = 0;
};

}  // namespace mailstead::router
