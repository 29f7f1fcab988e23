#include "connectors/net/worker_pool.h"

#include <pthread.h>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace mailstead::net {

struct WorkerPool::State {
  std::string name;
  std::function<void(const std::string&)> on_error;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<Task> tasks;
  bool stopped = false;
  std::stop_source stop;
  std::size_t most = 1;
  std::size_t idle = 0;  // threads that wait for a task
  std::vector<std::jthread> threads;

  void start_thread();
  void run();
  void run_task(const Task& task) noexcept;
  void report(const std::string& text) noexcept;
};

void WorkerPool::State::report(const std::string& text) noexcept {
  try {
    if (on_error) on_error(text);
  } catch (...) {
    // A log that throws has nobody left to tell.
  }
}

void WorkerPool::State::run_task(const Task& task) noexcept {
  try {
    task(stop.get_token());
  } catch (const std::exception& error) {
    report(name + ": " + error.what());
  } catch (...) {
    report(name + ": a task failed for an unknown reason");
  }
}

// With mutex held. Where the system has no thread left, those at hand do the work.
void WorkerPool::State::start_thread() {
  try {
    threads.emplace_back([this] { run(); });
  } catch (const std::system_error&) {
    if (threads.empty()) throw;
    return;
  }
  const std::string thread_name = name.substr(0, 15);  // the kernel's limit
  ::pthread_setname_np(threads.back().native_handle(), thread_name.c_str());
}

void WorkerPool::State::run() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex);
      ++idle;
      changed.wait(lock, [this] { return stopped || !tasks.empty(); });
      --idle;
      if (stopped) return;
      task = std::move(tasks.front());
      tasks.pop_front();
    }
    run_task(task);
  }
}

WorkerPool::WorkerPool(std::string name, std::size_t threads, std::function<void(const std::string&)> on_error)
    : state_(std::make_unique<State>()) {
  state_->name = std::move(name);
  state_->on_error = std::move(on_error);
  state_->most = threads > 0 ? threads : 1;
  state_->threads.reserve(state_->most);
}

WorkerPool::~WorkerPool() {
  stop();
  state_->threads.clear();  // joins
}

bool WorkerPool::submit(Task task) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->stopped) return false;
    if (state_->tasks.size() >= state_->idle && state_->threads.size() < state_->most) state_->start_thread();
    state_->tasks.push_back(std::move(task));
  }
  state_->changed.notify_one();
  return true;
}

void WorkerPool::stop() noexcept {
  std::deque<Task> dropped;  // destroyed after the lock: a task's destructor may be anyone's code
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
    dropped.swap(state_->tasks);
  }
  state_->stop.request_stop();
  state_->changed.notify_all();
}

std::size_t WorkerPool::waiting() const {
  std::lock_guard lock(state_->mutex);
  return state_->tasks.size();
}

}  // namespace mailstead::net
