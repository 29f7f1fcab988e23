// The one thread that writes. Commands queue up; it takes all that wait (up to a bound), applies them in one
// transaction, syncs the segments once, commits once, then tells each its end. A command that somebody waits for
// commits at once, with all before it; those that nobody waits for yet may gather for a few milliseconds, so that a
// fast feed does not sync the disk for every handful. It alone moves the write-ahead log into the database.
//
// A group that fails is undone and its commands are tried one by one, so that none fails for its neighbour. When the
// disk does not confirm a sync, nothing is tried again: every later command fails.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <thread>
#include <vector>

#include "storage/sqlite/write_context.h"

namespace mailstead::storage::sqlite {

// `apply` may run twice: it works on the context only and leaves itself as it was.
class Command {
 public:
  virtual ~Command() = default;
  // Whether somebody waits for its end.
  [[nodiscard]] virtual bool urgent() const noexcept { return true; }
  [[nodiscard]] virtual mail::ByteCount weight() const noexcept { return 0; }  // octets held in memory
  virtual void apply(WriteContext& context) = 0;
  // Once, on the writer's thread: durable (nullptr), or failed and nothing of it remains.
  virtual void done(const mail::Failure* failure) noexcept = 0;
};

struct WriterLimits {
  std::size_t group_commands = 1000;
  mail::ByteCount group_bytes = 0;
  mail::ByteCount waiting_bytes = 0;  // beyond it post() waits
};

// Told after a commit, on the writer's thread, without locks.
struct WriterListener {
  std::function<void(const std::set<MailboxId>&)> mailboxes_changed;
  std::function<void()> queue_changed;
};

class Writer {
 public:
  Writer(std::unique_ptr<Connection> db, std::unique_ptr<segments::Appender> appender, WriterLimits limits,
         WriterListener listener);
  // Finishes what waits.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void post(std::unique_ptr<Command> command);
  // Waits until `work` is durable; throws what it threw, or the Failure of the commit. Not from the writer's thread.
  void run(const std::function<void(WriteContext&)>& work);
  // False after the disk has refused a sync.
  [[nodiscard]] bool sound() const noexcept { return sound_.load(); }

 private:
  using Group = std::vector<std::unique_ptr<Command>>;

  void work();
  [[nodiscard]] Group next_group();
  void wait_for_command(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] bool worth_a_group() const noexcept;  // with mutex_ held
  void commit(Group& group);
  [[nodiscard]] std::optional<mail::Failure> attempt(std::span<const std::unique_ptr<Command>> commands);
  void undo() noexcept;
  void note_changes();
  void announce();
  void checkpoint_if_above(int pages, bool truncate = false) noexcept;

  std::unique_ptr<Connection> db_;
  std::unique_ptr<segments::Appender> appender_;
  WriteContext context_;
  const WriterLimits limits_;
  const WriterListener listener_;
  // The writer's thread only.
  std::optional<mail::Failure> lost_;
  std::set<MailboxId> changed_mailboxes_;  // committed, not yet announced
  bool queue_changed_ = false;
  std::atomic<bool> sound_{true};

  std::mutex mutex_;
  std::condition_variable arrived_, room_;
  std::deque<std::unique_ptr<Command>> waiting_;
  mail::ByteCount waiting_bytes_ = 0;
  std::size_t urgent_ = 0;   // of waiting_
  std::size_t held_up_ = 0;  // callers of post() that wait for room
  bool stopping_ = false;

  std::thread thread_;
};

}  // namespace mailstead::storage::sqlite
