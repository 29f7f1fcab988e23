// Threads that run short or waiting tasks in order of submission: at most so many, each started when it is first
// needed.
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace mailstead::net {

// Thread-safe. A task that throws fails alone: the exception is handed to `on_error` (may be empty).
class WorkerPool {
 public:
  using Task = std::function<void(std::stop_token)>;
  WorkerPool(std::string name, std::size_t threads, std::function<void(const std::string&)> on_error = {});
  ~WorkerPool();  // stop() and join
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // False after stop(): the task is dropped. Throws std::system_error when not even a first thread can be started.
  bool submit(Task task);
  // Requests the stop of running tasks through their token, drops waiting ones.
  void stop() noexcept;
  [[nodiscard]] std::size_t waiting() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::net
