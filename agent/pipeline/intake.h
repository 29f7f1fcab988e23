// Takes the messages of one account as a retriever hands them over: spool, scan, route, accept.
//
// The way of a message from the wire to the accept transaction (docs/ARCHITECTURE.md). One thread at a time, the
// retriever's; only the durable list is shared with the writer's thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "connectors/retrieval.h"
#include "mail/clock.h"
#include "mail/scan.h"
#include "storage/store.h"

namespace mailstead::agent {

struct IntakeCounts {
  std::uint64_t accepted = 0, duplicates = 0, known = 0, skipped = 0;
  mail::ByteCount bytes = 0;
};

// Told of each message for the progress bar and the demo; on the retriever's thread (begun, received) or the
// writer's (settled). Must not block.
class IntakeObserver {
 public:
  virtual ~IntakeObserver() = default;
  virtual void received(mail::ByteCount /*bytes*/) {}
  virtual void settled(const storage::AcceptReceipt& /*receipt*/) {}
};

class Intake final : public retrieval::MessageSink {
 public:
  // All must outlive it; destruction waits for what was handed to the writer.
  Intake(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
         const mail::Clock& clock, IntakeObserver* observer = nullptr);
  ~Intake() override;

  void begin(const retrieval::Incoming& message) override;
  void append(std::string_view bytes) override;
  void end() override;
  void abort() noexcept override;
  void skipped(const retrieval::Incoming& message, const std::string& reason) override;
  void flush() override;
  [[nodiscard]] std::vector<storage::SourceRef> take_durable() override;

  [[nodiscard]] IntakeCounts counts() const;

 private:
  void settle(storage::SourceRef source, const std::variant<storage::AcceptReceipt, mail::Failure>& result);

  storage::Store& store_;
  std::shared_ptr<const Config> config_;
  const AccountConfig& account_;
  const mail::Clock& clock_;
  IntakeObserver* observer_;

  retrieval::Incoming message_;
  std::string crash_note_;
  std::unique_ptr<storage::IncomingContent> incoming_;
  std::optional<mail::MessageScanner> scanner_;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<storage::SourceRef> durable_;
  std::optional<mail::Failure> failure_;
  IntakeCounts counts_;
};

}  // namespace mailstead::agent
