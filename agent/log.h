// The log of the agent: one event, one line, on standard error. Foreign text passes mail::printable; secrets never come
// here.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/config/config.h"

namespace mailstead::agent {

// Thread-safe. Lines over 4 KiB are cut.
class Log {
 public:
  explicit Log(const LogConfig& settings);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void error(std::string_view text) { write(LogConfig::Level::kError, text); }
  void warning(std::string_view text) { write(LogConfig::Level::kWarning, text); }
  void info(std::string_view text) { write(LogConfig::Level::kInfo, text); }
  void debug(std::string_view text) { write(LogConfig::Level::kDebug, text); }
  [[nodiscard]] bool enabled(LogConfig::Level level) const noexcept;

 private:
  void write(LogConfig::Level level, std::string_view text);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mailstead::agent
