// A line per account while `poll` runs: on a terminal a bar that moves, elsewhere nothing until the end.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "agent/pipeline/intake.h"
#include "connectors/retrieval.h"

namespace mailstead::agent {

// What one account's bar shows; written by the poll, read by the painter. Thread-safe.
class AccountProgress final : public retrieval::PollObserver, public IntakeObserver {
 public:
  explicit AccountProgress(std::string account) : account_(std::move(account)) {}

  void stage(const std::string& what) override;
  void found(const std::string& folder, std::uint64_t messages, mail::ByteCount bytes) override;
  void received(mail::ByteCount bytes) override { bytes_ += bytes; }
  void settled(const storage::AcceptReceipt&) override { ++messages_; }
  void finished(std::string result);

  // At most `width` columns, the account's name padded to `name_width`; `elapsed` since the poll began.
  [[nodiscard]] std::string line(std::size_t name_width, std::size_t width, std::chrono::milliseconds elapsed) const;
  [[nodiscard]] const std::string& account() const noexcept { return account_; }

 private:
  [[nodiscard]] std::string measure(std::chrono::milliseconds elapsed) const;

  const std::string account_;
  std::atomic<std::uint64_t> messages_{0}, bytes_{0}, messages_expected_{0}, bytes_expected_{0};
  mutable std::mutex mutex_;  // guards stage_ and result_
  std::string stage_ = "waiting", result_;
};

// Repaints the bars ten times a second until it dies. Does nothing when `enabled` is false.
class ProgressPainter {
 public:
  ProgressPainter(std::vector<std::shared_ptr<AccountProgress>> bars, bool enabled);
  ~ProgressPainter();  // paints a last time
  ProgressPainter(const ProgressPainter&) = delete;
  ProgressPainter& operator=(const ProgressPainter&) = delete;

 private:
  void paint(bool first);
  std::vector<std::shared_ptr<AccountProgress>> bars_;
  std::size_t name_width_ = 0;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  std::jthread painter_;
};

}  // namespace mailstead::agent
