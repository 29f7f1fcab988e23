// Takes the messages of one account as a retriever hands them over: spool, scan, route, accept.
//
// The way of a message from the wire to the accept transaction (docs/ARCHITECTURE.md). One thread at a time, the
// retriever's, which runs the programs of rules and does what they want done afterwards, too; only what is durable is
// shared with the writer's thread.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log.h"
#include "agent/pipeline/due_work.h"
#include "agent/pipeline/rule_services.h"
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

// What an intake tells and obeys beyond its sources. Any of it may be missing.
struct IntakeRoom {
  IntakeObserver* observer = nullptr;
  Log* log = nullptr;         // gets the trouble that rules have with programs and files, each kind of it once
  std::stop_token stop = {};  // ends a program that runs
};

class Intake final : public retrieval::MessageSink {
 public:
  // All must outlive it; destruction waits for what was handed to the writer, and does the work that is due.
  Intake(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
         const mail::Clock& clock, IntakeRoom room = {});
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
  void settle(storage::SourceRef source, const std::variant<storage::AcceptReceipt, mail::Failure>& result,
              const std::vector<DueWork>& due);
  void do_due_work();
  void do_work(const DueWork& due);
  void warn(const std::string& trouble);

  storage::Store& store_;
  std::shared_ptr<const Config> config_;
  const AccountConfig& account_;
  const mail::Clock& clock_;
  const IntakeRoom room_;
  const RuleServices services_;
  std::set<std::string> warned_;  // what the log was told

  retrieval::Incoming message_;
  std::string crash_note_;
  std::unique_ptr<storage::IncomingContent> incoming_;
  std::optional<mail::MessageScanner> scanner_;

  mutable std::mutex mutex_;  // guards what follows
  std::vector<storage::SourceRef> durable_;
  std::optional<mail::Failure> failure_;
  IntakeCounts counts_;
  std::vector<DueWork> due_;  // of accepted messages
};

}  // namespace mailstead::agent
