// Failed sign-ins cost time: each makes the next answers to its address and to the name that it tried slower.
//
// An answer is held back, not the check, and a good one as long as a bad one, so that nobody learns anything sooner.
// Answers to one address (IPv6: one /64) are spaced out over all of its connections, and so are those about one name,
// but for the addresses from which it has signed in lately: who knows the password is not kept out by those who guess.
// What is remembered is bounded; what was not heard of for longest is forgotten first.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "mail/clock.h"

namespace mailstead::sasl {

struct ThrottleSettings {
  std::size_t remembered = 20'000;                            // addresses, names and pairs of both, each
  std::chrono::seconds forgiven_each{60};                     // a failure is forgotten after so long
  std::chrono::seconds longest_address{15}, longest_name{4};  // between two answers
  std::chrono::seconds longest_queue{30};                     // answers that would take longer are refused
  std::chrono::hours trusted{24 * 30};                        // an address after a sign-in
};

// Thread-safe.
class Throttle {
 public:
  explicit Throttle(const mail::Clock& clock, ThrottleSettings settings = {});

  // Before a password is looked at: false while so many answers to the address are held back that nothing should be
  // looked at. `user`: "" while it is not known.
  [[nodiscard]] bool admits(std::string_view address, std::string_view user = {});
  // After it: how long to hold the answer back; nullopt: say "later" at once, whatever the result. `exempt`: the
  // address is this machine, whose users share it.
  [[nodiscard]] std::optional<std::chrono::milliseconds> judge(std::string_view address, bool exempt,
                                                               std::string_view user, bool good);

 private:
  using Digest = std::array<unsigned char, 16>;
  struct Record {
    Digest key;
    double failures = 0;  // as of `since`, less what time forgave
    mail::SteadyTime since{};
    mail::SteadyTime next{};  // no answer before
  };
  // The records of one kind, the one used last in front.
  struct Records {
    struct Hash {
      std::size_t operator()(const Digest& digest) const noexcept;
    };
    std::list<Record> order;
    std::unordered_map<Digest, std::list<Record>::iterator, Hash> places;
  };

  [[nodiscard]] Digest digest(std::string_view address, std::string_view user) const;
  [[nodiscard]] Record* find(Records& records, const Digest& key);
  Record& keep(Records& records, const Digest& key);
  void settle(Record& record, mail::SteadyTime now) const;

  const mail::Clock& clock_;
  const ThrottleSettings settings_;
  const std::string secret_;  // so that nobody chooses names that fall together
  std::mutex mutex_;
  Records addresses_, names_, trusted_;
};

}  // namespace mailstead::sasl
