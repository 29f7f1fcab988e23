// All stores of one data directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "storage/acceptance.h"
#include "storage/accounts.h"
#include "storage/content.h"
#include "storage/history.h"
#include "storage/ledger.h"
#include "storage/mail_store.h"
#include "storage/queue.h"
#include "storage/rule_memory.h"
#include "storage/search_index.h"

namespace mailstead::storage {

struct CheckReport {
  std::vector<std::string> problems;  // empty: all is well
  std::uint64_t messages = 0, contents = 0, segments = 0;
  mail::ByteCount bytes = 0, dead_bytes = 0;
};

// Thread-safe.
class Store {
 public:
  virtual ~Store() = default;
  [[nodiscard]] virtual ContentStore& content() = 0;
  [[nodiscard]] virtual Acceptor& acceptor() = 0;
  [[nodiscard]] virtual Ledger& ledger() = 0;
  [[nodiscard]] virtual Queue& queue() = 0;
  [[nodiscard]] virtual MailStore& mail() = 0;
  [[nodiscard]] virtual History& history() = 0;
  [[nodiscard]] virtual RuleMemory& rule_memory() = 0;
  [[nodiscard]] virtual Accounts& accounts() = 0;
  [[nodiscard]] virtual Users& users() = 0;

  // nullptr until it is kept, which is the agent's choice: a thread of low priority then fills it.
  [[nodiscard]] virtual SearchIndex* search_index() { return nullptr; }
  virtual void keep_search_index() {}

  // Database and segments held against each other, every digest verified when `deep`.
  [[nodiscard]] virtual CheckReport check(bool deep) const = 0;
  // False once the disk has failed to confirm a write: every writing call throws until the process starts anew.
  [[nodiscard]] virtual bool sound() const { return true; }
  // Drops what nothing refers to any more, rewrites segments more than half dead, prunes fingerprints and history past
  // their window. Cheap when there is nothing to do; called now and then by the agent.
  virtual void tidy(mail::WallTime now) = 0;
};

enum class OpenMode {
  kAgent,  // takes the lock of the data directory; throws Failure(kConfiguration, kProcess) "… holds …" when another
           // has it
  kReadOnly,  // beside a running agent; writing calls throw
};

struct StoreOptions {
  std::string data_dir;  // made with mode 0700 when missing
  OpenMode mode = OpenMode::kAgent;
  mail::ByteCount memory_budget = 32 * 1024 * 1024;  // bodies in memory, all accounts together
  mail::ByteCount spool_above = 1024 * 1024;         // larger ones go to a spool file
  mail::ByteCount segment_size = 64 * 1024 * 1024;
  mail::ByteCount min_free = 64 * 1024 * 1024;  // below it nothing new is begun
};

// Another process holds the data directory: exit status 3.
class DataDirectoryHeld : public mail::Failure {
 public:
  using mail::Failure::Failure;
};

// Nothing was ever kept in the directory that was to be read (kReadOnly).
class NothingKept : public mail::Failure {
 public:
  using mail::Failure::Failure;
};

// Throws Failure(kStorage, kProcess), in words for people, when the directory cannot be used, the database is from a
// newer version or corrupt, the disk is read-only or the file system is a network one. Files are never changed in those
// cases.
[[nodiscard]] std::unique_ptr<Store> open_store(const StoreOptions& options);

}  // namespace mailstead::storage
