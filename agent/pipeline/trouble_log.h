// Which failed polls are worth a line of the log: an account's first failure and every change of its reason; of one
// reason that strikes many accounts (the network is down) only the first few and one line for the rest.
#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>

#include "mail/clock.h"

namespace mailstead::agent {

// Thread-safe. Memory: one short text for each account that fails.
class TroubleLog {
 public:
  enum class Say {
    kIt,       // the failure itself
    kOthers,   // once: that further accounts fail in the same way
    kNothing,  // said already
  };
  // `reason` as Failure::text(); what is before the last ": " names a host and counts for nothing.
  [[nodiscard]] Say failed(const std::string& account, const std::string& reason, mail::SteadyTime now);
  // True: the account had failed before, and that was said.
  [[nodiscard]] bool succeeded(const std::string& account);
  void forget(const std::string& account);

 private:
  struct Last {
    std::string reason;
    mail::SteadyTime said;
    bool was_said = false;
  };
  struct Storm {
    std::set<std::string> accounts;
    bool said = false;
  };
  void leave(const std::string& account, const std::string& reason);

  std::mutex mutex_;
  std::map<std::string, Last> last_;     // by account
  std::map<std::string, Storm> storms_;  // by reason, of the accounts that fail now
};

}  // namespace mailstead::agent
