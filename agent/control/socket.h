// The control socket of a data directory: a Unix socket (mode 0600) by which commands reach the running agent.
//
// One request line, one answer line, both JSON, both at most 1 MiB, within five seconds.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "connectors/net/parking_lot.h"
#include "connectors/net/worker_pool.h"

namespace mailstead::agent::control {

using Handler = std::function<nlohmann::json(const nlohmann::json&)>;

// Listens as long as it lives. A stale socket of a dead agent is replaced (the caller holds the data directory's lock).
class Socket {
 public:
  // Throws Failure(kStorage, kProcess). `handler` runs on the pool's threads.
  Socket(const std::string& data_dir, Handler handler, net::ParkingLot& lot, net::WorkerPool& pool);
  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// nullopt: no agent listens there. Throws Failure(kTemporary) when one does and does not answer.
[[nodiscard]] std::optional<nlohmann::json> ask(const std::string& data_dir, const nlohmann::json& request);

}  // namespace mailstead::agent::control
