#include "storage/store.h"

#include "mail/failure.h"
#include "storage/data_directory.h"
#include "storage/sqlite/acceptor.h"
#include "storage/sqlite/accounts.h"
#include "storage/sqlite/checking.h"
#include "storage/sqlite/content_store.h"
#include "storage/sqlite/database.h"
#include "storage/sqlite/history.h"
#include "storage/sqlite/ledger.h"
#include "storage/sqlite/mail_store.h"
#include "storage/sqlite/queue.h"
#include "storage/sqlite/rule_memory.h"
#include "storage/sqlite/schema.h"
#include "storage/sqlite/search_index.h"
#include "storage/sqlite/tidying.h"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <mutex>

namespace mailstead::storage {
namespace {

[[noreturn]] void refuse(const std::string& text) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, text);
}

// Segment files that no committed transaction knows were begun by one that never ended; spool files by a process that
// died.
void remove_leftovers(const sqlite::Database& database, sqlite::Connection& db) {
  for (segments::SegmentId id : database.segments.list()) {
    sqlite::Query query = db.query("SELECT 1 FROM segments WHERE id = ?1");
    query.bind(id);
    if (!query.next()) segments::remove_file(database.segments.path_of(id));
  }
  for (const auto& entry : std::filesystem::directory_iterator(database.directory.spool())) {
    segments::remove_file(entry.path().string());
  }
}

// The last segment, if it has room, is written on.
segments::AppenderState last_state(const sqlite::Database& database, sqlite::Connection& db,
                                   mail::ByteCount segment_size) {
  segments::AppenderState state;
  sqlite::Query counter = db.query("SELECT value FROM counters WHERE name = 'next_segment'");
  if (counter.next()) state.next_segment = std::max<segments::SegmentId>(counter.integer(0), 1);
  sqlite::Query last = db.query("SELECT id, bytes FROM segments ORDER BY id DESC LIMIT 1");
  if (!last.next()) return state;
  state.next_segment = std::max(state.next_segment, last.integer(0) + 1);
  auto end = last.number<mail::ByteCount>(1);
  std::shared_ptr<const segments::File> file = database.segments.open(last.integer(0));
  bool whole = file != nullptr && file->size() >= end;  // else it is damaged, and left as it is
  if (!whole || end >= segment_size) return state;
  state.active = last.integer(0);
  state.end = end;
  return state;
}

class StoreOnDisk final : public Store {
 public:
  StoreOnDisk(const StoreOptions& options, DataDirectory directory)
      : database_(std::move(directory)),
        content_(database_, {options.memory_budget, options.spool_above, options.min_free}),
        acceptor_(database_),
        ledger_(database_),
        queue_(database_, queue_notice_),
        mail_(database_, watchers_),
        history_(database_),
        rule_memory_(database_),
        accounts_(database_),
        users_(database_),
        tidying_(database_),
        search_index_(database_, content_) {
    if (options.mode == OpenMode::kAgent) {
      open_for_writing(options);
    } else {
      open_for_reading();
    }
  }

  ~StoreOnDisk() override {
    if (database_.writer == nullptr) return;
    bool sound = database_.writer->sound();
    search_index_.stop();
    database_.writer.reset();
    if (sound) database_.directory.mark_ended();
  }

  ContentStore& content() override { return content_; }
  Acceptor& acceptor() override { return acceptor_; }
  Ledger& ledger() override { return ledger_; }
  Queue& queue() override { return queue_; }
  MailStore& mail() override { return mail_; }
  History& history() override { return history_; }
  RuleMemory& rule_memory() override { return rule_memory_; }
  Accounts& accounts() override { return accounts_; }
  Users& users() override { return users_; }

  SearchIndex* search_index() override { return search_index_kept_ ? &search_index_ : nullptr; }
  void keep_search_index() override {
    if (database_.writer == nullptr || search_index_kept_.exchange(true)) return;
    search_index_.keep();
  }

  [[nodiscard]] CheckReport check(bool deep) const override { return sqlite::check(database_, deep); }
  [[nodiscard]] bool sound() const override { return !database_.writer || database_.writer->sound(); }

  void tidy(mail::WallTime now) override {
    std::lock_guard lock(tidying_mutex_);
    tidying_.run(now);
  }

 private:
  void open_for_writing(const StoreOptions& options) {
    database_.directory.lock();
    std::string path = database_.directory.database();
    if (sqlite::is_new(path) && !database_.segments.list().empty()) {
      refuse(path + " is missing while " + database_.directory.content() +
             " holds messages: they were left as they are, restore the database from a backup");
    }
    (void)sqlite::inspect(path, database_.directory.was_left_running());
    database_.directory.mark_running();
    std::unique_ptr<sqlite::Connection> db = sqlite::open_for_writing(path);
    remove_leftovers(database_, *db);
    auto appender = std::make_unique<segments::Appender>(database_.segments, options.segment_size, options.spool_above,
                                                         last_state(database_, *db, options.segment_size));
    // Together below the memory budget, so that what waits and what is written leave room for what comes in.
    sqlite::WriterLimits limits{.group_bytes = options.memory_budget * 3 / 8,
                                .waiting_bytes = options.memory_budget / 4};
    sqlite::WriterListener listener{.mailboxes_changed =
                                        [this](const std::set<MailboxId>& mailboxes) {
                                          watchers_.announce(mailboxes);
                                          search_index_.announce();
                                        },
                                    .queue_changed = [this] { queue_notice_.announce(); }};
    database_.writer =
        std::make_unique<sqlite::Writer>(std::move(db), std::move(appender), limits, std::move(listener));
  }

  void open_for_reading() {
    std::string path = database_.directory.database();
    if (!sqlite::inspect(path, false, true))
      throw NothingKept(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                        database_.directory.path() + " holds no mail yet: no agent has run on it");
  }

  sqlite::Watchers watchers_;
  sqlite::QueueNotice queue_notice_;
  sqlite::Database database_;
  sqlite::SqliteContentStore content_;
  sqlite::SqliteAcceptor acceptor_;
  sqlite::SqliteLedger ledger_;
  sqlite::SqliteQueue queue_;
  sqlite::SqliteMailStore mail_;
  sqlite::SqliteHistory history_;
  sqlite::SqliteRuleMemory rule_memory_;
  sqlite::SqliteAccounts accounts_;
  sqlite::SqliteUsers users_;
  std::mutex tidying_mutex_;
  sqlite::Tidying tidying_;
  std::atomic<bool> search_index_kept_{false};
  sqlite::SqliteSearchIndex search_index_;
};

}  // namespace

std::unique_ptr<Store> open_store(const StoreOptions& options) {
  try {
    return std::make_unique<StoreOnDisk>(options, DataDirectory(options.data_dir, options.mode == OpenMode::kAgent));
  } catch (const std::filesystem::filesystem_error& error) {
    segments::throw_errno(error.code().value(), options.data_dir);
  }
}

}  // namespace mailstead::storage
