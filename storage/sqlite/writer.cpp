#include "storage/sqlite/writer.h"

#include "mail/failpoint.h"
#include "storage/sync_failed.h"

#include <pthread.h>

#include <chrono>
#include <exception>

namespace mailstead::storage::sqlite {
namespace {

using namespace std::chrono_literals;

// Of 8 KiB each. When nothing waits a small log is moved; under load it may grow, so that the disk is not busy twice.
constexpr int kLogPagesIdle = 250;
constexpr int kLogPagesBusy = 4000;
// A log left behind is read by whoever opens the database next, page by page.
constexpr int kLogPagesLeft = 32;
constexpr auto kIdleAfter = 500ms;

// Acceptances gather until so many octets or commands wait, or for so long.
constexpr mail::ByteCount kGatheredBytes = mail::ByteCount{8} << 20U;
constexpr std::size_t kGatheredCommands = 500;
constexpr auto kGather = 20ms;

mail::Failure as_failure(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const mail::Failure*>(&error)) return *failure;
  return {mail::FailureKind::kStorage, mail::FailureScope::kProcess, "the store could not write", error.what()};
}

// A caller that waits on the stack.
struct Waiter {
  std::mutex mutex;
  std::condition_variable ended;
  bool done = false;
  std::exception_ptr error;

  void end(std::exception_ptr how) noexcept {
    std::lock_guard lock(mutex);
    error = std::move(how);
    done = true;
    ended.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    ended.wait(lock, [this] { return done; });
    if (error) std::rethrow_exception(error);
  }
};

class WaitingCommand final : public Command {
 public:
  WaitingCommand(const std::function<void(WriteContext&)>& work, Waiter& waiter) : work_(work), waiter_(waiter) {}
  void apply(WriteContext& context) override {
    error_ = nullptr;
    try {
      work_(context);
    } catch (...) {
      error_ = std::current_exception();
      throw;
    }
  }
  void done(const mail::Failure* failure) noexcept override {
    if (failure == nullptr) return waiter_.end(nullptr);
    waiter_.end(error_ ? error_ : std::make_exception_ptr(*failure));
  }

 private:
  const std::function<void(WriteContext&)>& work_;
  Waiter& waiter_;
  std::exception_ptr error_;
};

}  // namespace

Writer::Writer(std::unique_ptr<Connection> db, std::unique_ptr<segments::Appender> appender, WriterLimits limits,
               WriterListener listener)
    : db_(std::move(db)),
      appender_(std::move(appender)),
      context_(*db_, *appender_),
      limits_(limits),
      listener_(std::move(listener)),
      thread_([this] { work(); }) {
  ::pthread_setname_np(thread_.native_handle(), "storage-writer");
}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_one();
  thread_.join();
}

void Writer::post(std::unique_ptr<Command> command) {
  mail::ByteCount weight = command->weight();
  auto has_room = [&] { return waiting_.empty() || waiting_bytes_ + weight <= limits_.waiting_bytes || stopping_; };
  std::unique_lock lock(mutex_);
  if (!has_room()) {
    ++held_up_;
    arrived_.notify_one();
    room_.wait(lock, has_room);
    --held_up_;
  }
  if (command->urgent()) ++urgent_;
  waiting_.push_back(std::move(command));
  waiting_bytes_ += weight;
  if (waiting_.size() == 1 || worth_a_group()) arrived_.notify_one();
}

void Writer::run(const std::function<void(WriteContext&)>& work) {
  if (std::this_thread::get_id() == thread_.get_id()) {
    throw mail::Failure(mail::FailureKind::kPermanent, mail::FailureScope::kProcess,
                        "a call that writes was made from a notice of the writer");
  }
  Waiter waiter;
  post(std::make_unique<WaitingCommand>(work, waiter));
  waiter.wait();
}

void Writer::work() {
  for (;;) {
    Group group = next_group();
    if (group.empty()) break;
    commit(group);
    group.clear();
    announce();
    checkpoint_if_above(kLogPagesBusy);
  }
  checkpoint_if_above(kLogPagesLeft, true);
}

Writer::Group Writer::next_group() {
  Group group;
  std::unique_lock lock(mutex_);
  wait_for_command(lock);
  if (!worth_a_group()) arrived_.wait_for(lock, kGather, [this] { return worth_a_group(); });
  mail::ByteCount bytes = 0;
  while (!waiting_.empty() && group.size() < limits_.group_commands) {
    mail::ByteCount weight = waiting_.front()->weight();
    if (!group.empty() && bytes + weight > limits_.group_bytes) break;
    bytes += weight;
    waiting_bytes_ -= weight;
    if (waiting_.front()->urgent()) --urgent_;
    group.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
  room_.notify_all();
  return group;
}

void Writer::wait_for_command(std::unique_lock<std::mutex>& lock) {
  auto ready = [this] { return !waiting_.empty() || stopping_; };
  if (arrived_.wait_for(lock, kIdleAfter, ready)) return;
  lock.unlock();
  checkpoint_if_above(kLogPagesIdle);
  lock.lock();
  arrived_.wait(lock, ready);
}

bool Writer::worth_a_group() const noexcept {
  return urgent_ > 0 || held_up_ > 0 || stopping_ || waiting_bytes_ >= kGatheredBytes ||
         waiting_.size() >= kGatheredCommands;
}

void Writer::commit(Group& group) {
  std::optional<mail::Failure> failure = attempt(group);
  if (!failure || group.size() == 1 || lost_) {
    for (auto& command : group) command->done(failure ? &*failure : nullptr);
    return;
  }
  for (auto& command : group) {
    failure = attempt({&command, 1});
    command->done(failure ? &*failure : nullptr);
  }
}

std::optional<mail::Failure> Writer::attempt(std::span<const std::unique_ptr<Command>> commands) {
  if (lost_) return lost_;
  try {
    WriteTransaction transaction(*db_);
    for (const auto& command : commands) command->apply(context_);
    context_.write_back();
    MAILSTEAD_FAILPOINT("writer.before_sync");
    appender_->sync();
    MAILSTEAD_FAILPOINT("writer.after_sync");
    MAILSTEAD_FAILPOINT("writer.in_transaction");
    transaction.commit();
    appender_->keep();
  } catch (const SyncFailed& failure) {
    undo();
    lost_ = failure;
    sound_.store(false);
    return failure;
  } catch (const std::exception& error) {
    undo();
    return as_failure(error);
  }
  MAILSTEAD_FAILPOINT("writer.after_commit");
  note_changes();
  return std::nullopt;
}

void Writer::undo() noexcept {
  if (db_->in_transaction()) db_->rollback();
  appender_->rewind();
  context_.reset();
}

// Taken out of the context at once: a command that fails later resets it.
void Writer::note_changes() {
  changed_mailboxes_.merge(context_.mailboxes.take_touched());
  queue_changed_ = std::exchange(context_.queue_changed, false) || queue_changed_;
}

void Writer::announce() {
  std::set<MailboxId> mailboxes = std::exchange(changed_mailboxes_, {});
  if (!mailboxes.empty() && listener_.mailboxes_changed) listener_.mailboxes_changed(mailboxes);
  if (std::exchange(queue_changed_, false) && listener_.queue_changed) listener_.queue_changed();
}

void Writer::checkpoint_if_above(int pages, bool truncate) noexcept {
  if (lost_ || db_->log_pages() <= pages) return;
  try {
    db_->checkpoint(truncate);
  } catch (const std::exception&) {
    // The log keeps everything; the next commit meets the same disk and reports it.
  }
}

}  // namespace mailstead::storage::sqlite
