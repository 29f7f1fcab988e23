// When app passwords were last used: kept in memory, written now and then.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "connectors/sasl/keys.h"
#include "mail/clock.h"
#include "storage/accounts.h"

namespace mailstead::agent {

// Thread-safe.
class LastUses {
 public:
  void note(const sasl::Identity& identity, mail::WallTime now);
  // Whether a row is behind by more than ten minutes.
  [[nodiscard]] bool due() const;
  // Writes what is behind at all. Throws Failure(kStorage); what was not written stays due.
  void write(storage::Users& users);

 private:
  struct Times {
    mail::WallTime seen{}, written{};
  };
  mutable std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, Times> uses_;  // by user and name: no more than there are passwords
};

}  // namespace mailstead::agent
