// The agent: every part of it, put together. What `mailstead run` and `mailstead demo` are made of.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/serving/servers.h"
#include "storage/store.h"

namespace mailstead::agent {

// Opens the store, listens, polls and delivers from construction on. Thread-safe.
class Runtime {
 public:
  // Throws Failure (DataDirectoryHeld among them) when it cannot begin; nothing was changed then.
  Runtime(std::shared_ptr<const Config> config, Log& log);
  // Stops: no new work, messages in hand finished or given back, everything committed; at most ten seconds.
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  // Takes another configuration into force. Throws Failure(kConfiguration) and keeps the old one when it cannot be (a
  // port in use, another data_dir).
  void reload(std::shared_ptr<const Config> config);
  void poll_now();
  // Housekeeping that is due now and then; called by the owner's loop every few seconds.
  void tick();
  [[nodiscard]] std::vector<ListenerFacts> listeners() const;
  [[nodiscard]] storage::Store& store();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::agent
