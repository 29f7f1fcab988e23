// Our own IMAP and POP3 listeners over the store, as the configuration wants them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "connectors/net/listener.h"
#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"
#include "connectors/sasl/server.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

struct ListenerFacts {
  std::string name, address;  // with the real port
  std::string tls;            // none, starttls, implicit
  std::size_t connections = 0;
};

// Thread-safe. The parts it is given must outlive it.
class Servers {
 public:
  Servers(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool);
  ~Servers();
  Servers(const Servers&) = delete;
  Servers& operator=(const Servers&) = delete;

  // Opens, closes and replaces listeners so that they are those of the configuration; unchanged ones go on, their
  // connections too. Throws Failure(kConfiguration, kProcess) when one cannot be opened; the listeners of before stay
  // then.
  void apply(const Config& config);
  [[nodiscard]] std::vector<ListenerFacts> facts() const;
  // Ends sessions whose password is no longer good: a user's own (""), one app password's, or all of a user.
  void end_sessions(const std::string& user, const std::optional<std::string>& app_password);
  // The last uses of app passwords, some minutes behind until write_uses(), which throws Failure(kStorage).
  [[nodiscard]] bool uses_due() const;
  void write_uses();
  // Writes the last uses, too.
  void stop() noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// How sign-in finds a user's keys.
[[nodiscard]] sasl::KeyLookup key_lookup(storage::Store& store);

}  // namespace mailstead::agent
