#include "agent/log.h"

#include "mail/escape.h"

#include <Poco/ConsoleChannel.h>
#include <Poco/Formatter.h>
#include <Poco/FormattingChannel.h>
#include <Poco/Message.h>
#include <Poco/PatternFormatter.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <iostream>
#include <mutex>

namespace mailstead::agent {

namespace {

constexpr std::size_t kMaxLine = 4096;

// journald reads a level in front of each line (sd-daemon(3)) and has its own clock.
class JournalFormatter final : public Poco::Formatter {
 public:
  void format(const Poco::Message& message, std::string& text) override {
    text = "<" + std::to_string(static_cast<int>(message.getPriority()) - 1) + ">" + message.getText();
  }
};

class JsonFormatter final : public Poco::Formatter {
 public:
  void format(const Poco::Message& message, std::string& text) override {
    nlohmann::ordered_json line;
    line["time"] = message.getTime().epochTime();
    line["level"] = level_name(message.getPriority());
    line["text"] = message.getText();
    text = line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }

 private:
  static const char* level_name(Poco::Message::Priority priority) {
    switch (priority) {
      case Poco::Message::PRIO_ERROR: return "error";
      case Poco::Message::PRIO_WARNING: return "warning";
      case Poco::Message::PRIO_DEBUG: return "debug";
      default: return "info";
    }
  }
};

Poco::AutoPtr<Poco::Formatter> make_formatter(const LogConfig& settings) {
  if (settings.format == LogConfig::Format::kJson) return new JsonFormatter;
  if (std::getenv("JOURNAL_STREAM") != nullptr) return new JournalFormatter;
  return new Poco::PatternFormatter("%Y-%m-%dT%H:%M:%SZ %p: %t");
}

Poco::Message::Priority priority_of(LogConfig::Level level) {
  switch (level) {
    case LogConfig::Level::kError: return Poco::Message::PRIO_ERROR;
    case LogConfig::Level::kWarning: return Poco::Message::PRIO_WARNING;
    case LogConfig::Level::kDebug: return Poco::Message::PRIO_DEBUG;
    default: return Poco::Message::PRIO_INFORMATION;
  }
}

}  // namespace

struct Log::State {
  LogConfig settings;
  std::mutex mutex;
  Poco::AutoPtr<Poco::FormattingChannel> channel;
};

Log::Log(const LogConfig& settings) : state_(std::make_unique<State>()) {
  state_->settings = settings;
  state_->channel = new Poco::FormattingChannel(make_formatter(settings), new Poco::ConsoleChannel(std::cerr));
}

Log::~Log() = default;

bool Log::enabled(LogConfig::Level level) const noexcept {
  return level <= state_->settings.level;
}

void Log::write(LogConfig::Level level, std::string_view text) {
  if (!enabled(level)) return;
  Poco::Message message("mailstead", mail::printable(text, kMaxLine), priority_of(level));
  std::lock_guard lock(state_->mutex);
  state_->channel->log(message);
}

}  // namespace mailstead::agent
