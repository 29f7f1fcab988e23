#include "storage/sqlite/search_index.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "mail/searched_text.h"
#include "mail/unicode.h"
#include "mail/utf8.h"
#include "storage/segments/file.h"
#include "storage/sqlite/failure.h"

#include <fcntl.h>

namespace mailstead::storage::sqlite {
namespace {

using namespace std::chrono_literals;

// Raised when the same message is given other texts than before.
constexpr std::string_view kForm = "1";
constexpr std::size_t kGram = 3;
// Trigrams asked for: more of them rule out little more.
constexpr std::size_t kMaxGrams = 16;
constexpr std::size_t kMaxHits = 200'000;
// A message with more text than this is read by every search instead.
constexpr std::size_t kMaxText = 16 * 1024 * 1024;
// One transaction.
constexpr std::size_t kBatchMessages = 128;
constexpr std::size_t kBatchText = 4 * 1024 * 1024;
constexpr int kMaxLogPages = 2048;
// Below so many times what the database wants to have left on the disk the index does not grow.
constexpr mail::ByteCount kMinFree = mail::ByteCount{256} * 1024 * 1024;
constexpr auto kGather = 500ms;               // what comes in a row is taken together
constexpr auto kRetry = 600s;                 // after trouble
constexpr std::int64_t kCountEvery = 10'000;  // rows, until stale ones are counted again
constexpr int kLowPriority = 10;
constexpr int kMaxUnreadable = 20;  // in one life of the process

constexpr const char* kSchema = R"(
  PRAGMA journal_mode=WAL;
  PRAGMA synchronous=NORMAL;
  BEGIN;
  CREATE TABLE state (form TEXT NOT NULL, through INTEGER NOT NULL, digest BLOB NOT NULL, rows INTEGER NOT NULL);
  CREATE TABLE unread (content INTEGER PRIMARY KEY);
  CREATE VIRTUAL TABLE texts USING fts5(text, content='', detail='none', columnsize=0,
                                        tokenize='trigram case_sensitive 1');
  COMMIT;)";

std::string form() {
  return std::string(kForm) + " unicode " + mail::unicode_version();
}

// The places at which characters begin, the end included.
std::vector<std::size_t> character_places(std::string_view utf8) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    if ((static_cast<unsigned char>(utf8[i]) & 0xC0U) != 0x80U) places.push_back(i);
  }
  places.push_back(utf8.size());
  return places;
}

// The words of FTS5's query language: trigrams in quotes, all of which must occur. "" when there is none.
std::string trigrams_of(std::string_view folded) {
  const auto places = character_places(folded);
  if (places.size() < kGram + 1) return "";
  const std::size_t count = places.size() - kGram;
  const std::size_t step = (count + kMaxGrams - 1) / kMaxGrams;
  std::string query;
  for (std::size_t i = 0; i < count; i += step) {
    if (!query.empty()) query += " AND ";
    query += '"';
    for (char c : folded.substr(places[i], places[i + kGram] - places[i])) {
      if (c == '"') query += '"';
      query += c;
    }
    query += '"';
  }
  return query;
}

struct Texts {
  std::string folded;
  bool whole = true;
};

Texts texts_of(const std::string& structure, const mail::Content& content) {
  Texts texts;
  const auto root = mail::decode_structure(structure);
  if (!root) return {{}, false};
  const auto read = [&](mail::ByteCount offset, mail::ByteCount size) {
    if (offset >= content.size()) return std::string();
    return mail::read_range(content, offset, std::min(size, content.size() - offset));
  };
  mail::visit_texts(*root, read, [&](std::string_view text) {
    if (texts.folded.size() + text.size() > kMaxText) {
      texts.whole = false;
      return true;
    }
    texts.folded += mail::fold_case(text);
    texts.folded += '\n';
    return false;
  });
  // A NUL would end the text for the tokenizer.
  if (texts.folded.find('\0') != std::string::npos) {
    std::string clean;
    for (char c : texts.folded) c == '\0' ? clean += mail::kReplacement : clean += c;
    texts.folded = std::move(clean);
  }
  return texts;
}

void remove_with_logs(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm"}) ::unlink((path + suffix).c_str());
}

}  // namespace

SqliteSearchIndex::SqliteSearchIndex(const Database& database, const ContentStore& contents)
    : database_(database), contents_(contents), path_(database.directory.search_index()) {}

SqliteSearchIndex::~SqliteSearchIndex() {
  stop();
}

void SqliteSearchIndex::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void SqliteSearchIndex::keep() {
  if (thread_.joinable()) return;
  thread_ = std::jthread([this](const std::stop_token& stop) {
    ::pthread_setname_np(::pthread_self(), "search-index");
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kLowPriority);
    work(stop);
  });
}

void SqliteSearchIndex::announce() const noexcept {
  std::lock_guard lock(mutex_);
  news_ = true;
  changed_.notify_all();
}

void SqliteSearchIndex::wait(const std::stop_token& stop, std::chrono::milliseconds longest, bool for_news) {
  std::unique_lock lock(mutex_);
  if (for_news) {
    changed_.wait(lock, stop, [this] { return news_; });
    news_ = false;
  } else {
    changed_.wait_for(lock, stop, longest, [] { return false; });
  }
}

void SqliteSearchIndex::work(const std::stop_token& stop) {
  bool damaged_before = false;
  while (!stop.stop_requested()) {
    try {
      if (db_ == nullptr) open();
      wait(stop, 0s, true);
      wait(stop, kGather, false);
      if (damaged_.exchange(false)) make_anew();
      while (!stop.stop_requested() && add_some(stop)) {
      }
      if (!stop.stop_requested() && mostly_stale()) make_anew();
      damaged_before = false;
      std::lock_guard lock(mutex_);
      trouble_.clear();
    } catch (const std::exception& error) {
      const bool damaged = dynamic_cast<const DatabaseDamaged*>(&error) != nullptr;
      give_up(error.what(), damaged);
      // Damage is mended by making it anew, at once unless that did not help.
      if (damaged) remove_with_logs(path_);
      if (!damaged || std::exchange(damaged_before, true)) wait(stop, kRetry, false);
    }
  }
  db_.reset();
}

// What is covered stays good unless the file is damaged.
void SqliteSearchIndex::give_up(const std::string& why, bool damaged) {
  db_.reset();
  std::lock_guard lock(mutex_);
  trouble_ = why;
  if (damaged) readers_.reset();
  news_ = true;
}

void SqliteSearchIndex::open() {
  const bool there = ::access(path_.c_str(), F_OK) == 0;
  if (there) db_ = std::make_unique<Connection>(path_, Access::kWrite);
  if (!there || !usable()) make_anew();
  db_->script("PRAGMA synchronous=NORMAL");
  std::lock_guard lock(mutex_);
  readers_ = std::make_shared<ReaderPool>(path_);
}

// Made by this program, of this very database, and not of one that was replaced by a backup of it.
bool SqliteSearchIndex::usable() {
  Query tables = db_->query("SELECT count(*) FROM sqlite_schema WHERE name IN ('state', 'unread', 'texts')");
  if (!tables.next() || tables.integer(0) != 3) return false;
  Query state = db_->query("SELECT form, through, digest, rows FROM state");
  if (!state.next() || state.text(0) != form()) return false;
  const ContentId covered = state.integer(1);
  auto main = database_.readers.lend();
  Query last = main->query("SELECT seq FROM sqlite_sequence WHERE name = 'contents'");
  const ContentId newest = last.next() ? last.integer(0) : 0;
  if (covered > newest) return false;
  Query content = main->query("SELECT digest FROM contents WHERE id = ?1");
  content.bind(covered);
  if (content.next() && content.digest(0) != state.digest(2)) return false;
  covered_ = covered;
  rows_ = state.integer(3);
  return true;
}

void SqliteSearchIndex::make_anew() {
  {
    std::lock_guard lock(mutex_);
    readers_.reset();
    news_ = true;
  }
  db_.reset();
  covered_ = 0;
  rows_ = rows_when_counted_ = 0;
  remove_with_logs(path_);
  segments::File(path_, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
  db_ = std::make_unique<Connection>(path_, Access::kWrite);
  db_->script(kSchema);
  db_->query("INSERT INTO state VALUES (?1, 0, x'', 0)").bind(form()).run();
  std::lock_guard lock(mutex_);
  readers_ = std::make_shared<ReaderPool>(path_);
}

bool SqliteSearchIndex::mostly_stale() {
  if (rows_ - rows_when_counted_ < kCountEvery && rows_when_counted_ != 0) return false;
  rows_when_counted_ = std::max<std::int64_t>(rows_, 1);
  auto main = database_.readers.lend();
  Query count = main->query("SELECT count(*) FROM contents");
  return count.next() && rows_ > 2 * count.integer(0) + kCountEvery;
}

bool SqliteSearchIndex::add_some(const std::stop_token& stop) {
  if (database_.directory.free_bytes() < kMinFree) {
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess,
                        "the search index does not grow while the disk is nearly full");
  }
  struct Row {
    ContentId id;
    std::string structure;
    mail::Sha256 digest;
  };
  std::vector<Row> rows;
  {
    auto main = database_.readers.lend();
    Query query = main->query("SELECT id, structure, digest FROM contents WHERE id > ?1 ORDER BY id LIMIT ?2");
    query.bind(covered_.load(), kBatchMessages);
    std::size_t octets = 0;
    while (octets < kBatchText && query.next()) {
      rows.push_back({query.integer(0), std::string(query.blob(1)), query.digest(2)});
      octets += rows.back().structure.size();
    }
  }
  if (rows.empty()) return false;
  WriteTransaction transaction(*db_);
  ContentId through = covered_;
  std::int64_t added = 0;
  std::size_t octets = 0;
  mail::Sha256 digest{};
  for (const Row& row : rows) {
    if (octets >= kBatchText || stop.stop_requested()) break;
    Texts texts{{}, false};
    try {
      texts = texts_of(row.structure, *contents_.open(row.id));
    } catch (const mail::Failure& failure) {
      // A bad place on the disk hides one message; a bad disk is another matter.
      if (failure.scope() != mail::FailureScope::kMessage && ++unreadable_ > kMaxUnreadable) throw;
    }
    if (texts.whole) {
      db_->query("INSERT INTO texts (rowid, text) VALUES (?1, ?2)").bind(row.id, texts.folded).run();
    } else {
      db_->query("INSERT INTO unread VALUES (?1)").bind(row.id).run();
    }
    octets += texts.folded.size() + 1;
    through = row.id;
    digest = row.digest;
    ++added;
  }
  if (added == 0) return true;  // stopped
  db_->query("UPDATE state SET through = ?1, digest = ?2, rows = ?3").bind(through, digest, rows_ + added).run();
  transaction.commit();
  rows_ += added;
  covered_ = through;
  if (db_->log_pages() > kMaxLogPages) db_->checkpoint(false);
  return true;
}

std::optional<SearchHits> SqliteSearchIndex::find(std::string_view folded) const {
  std::shared_ptr<ReaderPool> readers;
  {
    std::lock_guard lock(mutex_);
    readers = readers_;
  }
  const std::string grams = trigrams_of(folded);
  if (readers == nullptr || grams.empty()) return std::nullopt;
  try {
    SearchHits hits;
    auto db = readers->lend();
    ReadTransaction transaction(*db);
    {
      Query state = db->query("SELECT through FROM state");
      if (!state.next()) return std::nullopt;
      hits.covered_through = state.integer(0);
    }
    Query found = db->query("SELECT rowid FROM texts WHERE texts MATCH ?1 ORDER BY rowid");
    found.bind(grams);
    while (found.next()) {
      if (hits.contents.size() == kMaxHits) return std::nullopt;
      hits.contents.push_back(found.integer(0));
    }
    const auto middle = static_cast<std::ptrdiff_t>(hits.contents.size());
    Query unread = db->query("SELECT content FROM unread ORDER BY content");
    while (unread.next()) hits.contents.push_back(unread.integer(0));
    std::inplace_merge(hits.contents.begin(), hits.contents.begin() + middle, hits.contents.end());
    return hits;
  } catch (const DatabaseDamaged&) {
    damaged_ = true;
    announce();
    return std::nullopt;
  } catch (const mail::Failure&) {
    return std::nullopt;  // who searches reads the messages
  }
}

SearchIndex::Facts SqliteSearchIndex::facts() const {
  std::lock_guard lock(mutex_);
  return {covered_, trouble_};
}

}  // namespace mailstead::storage::sqlite
