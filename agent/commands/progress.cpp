#include "agent/commands/progress.h"

#include "agent/commands/table.h"
#include "mail/units.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>

namespace mailstead::agent {

namespace {

constexpr std::size_t kBarWidth = 20;
constexpr std::chrono::milliseconds kRepaint{100};

std::size_t terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string bar(double share) {
  const auto full = static_cast<std::size_t>(std::clamp(share, 0.0, 1.0) * kBarWidth);
  return "[" + std::string(full, '#') + std::string(kBarWidth - full, '.') + "]";
}

}  // namespace

void AccountProgress::stage(const std::string& what) {
  std::lock_guard lock(mutex_);
  stage_ = what;
}

void AccountProgress::found(const std::string& /*folder*/, std::uint64_t messages, mail::ByteCount bytes) {
  messages_expected_ += messages;
  bytes_expected_ += bytes;
}

void AccountProgress::finished(std::string result) {
  std::lock_guard lock(mutex_);
  result_ = std::move(result);
}

// A server is not always asked for sizes: then the messages alone tell how far it is.
std::string AccountProgress::measure(std::chrono::milliseconds elapsed) const {
  const std::uint64_t bytes = bytes_, messages = messages_, expected = messages_expected_, size = bytes_expected_;
  const double share = size > 0 ? static_cast<double>(bytes) / static_cast<double>(size)
                                : static_cast<double>(messages) / static_cast<double>(expected);
  const double seconds = std::max(0.001, static_cast<double>(elapsed.count()) / 1000.0);
  const auto rate = static_cast<mail::ByteCount>(static_cast<double>(bytes) / seconds);
  std::string text =
      fmt::format("{} {}/{} messages, {}, {}/s", bar(share), messages, expected,
                  size > 0 ? mail::format_size(bytes) + " of " + mail::format_size(size) : mail::format_size(bytes),
                  mail::format_size(rate));
  if (share > 0.01 && share < 1.0) {
    const auto left = static_cast<std::int64_t>(seconds * (1.0 - share) / share) + 1;
    text += ", " + mail::format_duration(std::chrono::seconds(left)) + " left";
  }
  return text;
}

std::string AccountProgress::line(std::size_t name_width, std::size_t width, std::chrono::milliseconds elapsed) const {
  std::string text;
  {
    std::lock_guard lock(mutex_);
    text = result_.empty() ? stage_ : result_;
    if (result_.empty() && messages_expected_ > 0) text = measure(elapsed);
  }
  std::string line = account_;
  line.append(name_width - std::min(name_width, display_width(account_)) + 2, ' ');
  line += text;
  while (display_width(line) > width && !line.empty()) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0U) == 0x80) line.pop_back();
    if (!line.empty()) line.pop_back();
  }
  return line;
}

ProgressPainter::ProgressPainter(std::vector<std::shared_ptr<AccountProgress>> bars, bool enabled)
    : bars_(std::move(bars)) {
  if (!enabled || bars_.empty()) return;
  for (const auto& one : bars_) name_width_ = std::max(name_width_, display_width(one->account()));
  paint(true);
  painter_ = std::jthread([this](std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any tick;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      tick.wait_for(lock, stop, kRepaint, [] { return false; });
      paint(false);
    }
  });
}

ProgressPainter::~ProgressPainter() {
  if (!painter_.joinable()) return;
  painter_.request_stop();
  painter_.join();
}

// The bars are repainted in place: up by their number, each line cleared.
void ProgressPainter::paint(bool first) {
  const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begun_);
  const std::size_t width = terminal_width() - 1;
  std::string text = first ? "" : fmt::format("\x1b[{}A", bars_.size());
  for (const auto& one : bars_) text += "\r\x1b[2K" + one->line(name_width_, width, elapsed) + "\n";
  fmt::print(stderr, "{}", text);
  std::fflush(stderr);
}

}  // namespace mailstead::agent
