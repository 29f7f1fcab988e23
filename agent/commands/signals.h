// Signals as events of one thread: blocked before any other thread begins, then waited for.
#pragma once

#include <chrono>

namespace mailstead::agent {

// Blocks SIGHUP, SIGTERM, SIGINT and SIGUSR1 for this thread and those it starts.
void block_signals();
// The next of them, or 0 when `wait` has passed.
[[nodiscard]] int next_signal(std::chrono::milliseconds wait);
// After a first request to stop: a second SIGTERM or SIGINT ends the process at once.
void let_second_signal_kill();

}  // namespace mailstead::agent
