// The search index as an FTS5 table of trigrams in a file of its own, filled by a thread of low priority.
//
// For each content the table holds which three characters in a row occur in its texts, not where: an answer may hold
// too much, never too little. Rows of contents that are gone stay until they outnumber the others; then all is made
// anew.
#pragma once

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "storage/content.h"
#include "storage/search_index.h"
#include "storage/sqlite/database.h"

namespace mailstead::storage::sqlite {

class SqliteSearchIndex final : public SearchIndex {
 public:
  // Both must outlive the index.
  SqliteSearchIndex(const Database& database, const ContentStore& contents);
  ~SqliteSearchIndex() override;

  // Starts the thread.
  void keep();
  // Ends it; what it was at is given up.
  void stop();
  // Something may have come in. Any thread, does not block.
  void announce() const noexcept;

  [[nodiscard]] std::optional<SearchHits> find(std::string_view folded) const override;
  [[nodiscard]] Facts facts() const override;

 private:
  void work(const std::stop_token& stop);
  void wait(const std::stop_token& stop, std::chrono::milliseconds longest, bool for_news);
  void give_up(const std::string& why, bool damaged);
  void open();
  void make_anew();
  [[nodiscard]] bool usable();
  [[nodiscard]] bool mostly_stale();
  // False when nothing is left to do.
  [[nodiscard]] bool add_some(const std::stop_token& stop);

  const Database& database_;
  const ContentStore& contents_;
  const std::string path_;
  std::unique_ptr<Connection> db_;  // of the thread
  std::int64_t rows_ = 0, rows_when_counted_ = 0;
  int unreadable_ = 0;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable_any changed_;
  mutable bool news_ = true;
  std::string trouble_;
  std::shared_ptr<ReaderPool> readers_;  // none until the file was found usable
  std::atomic<ContentId> covered_{0};
  mutable std::atomic<bool> damaged_{false};  // somebody who searched met damage
  std::jthread thread_;
};

}  // namespace mailstead::storage::sqlite
