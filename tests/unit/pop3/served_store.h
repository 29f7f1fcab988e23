// A store in a temporary directory with alice's INBOX in it, her keys, and a clock that stands still.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "connectors/sasl/server.h"
#include "mail/digest.h"
#include "storage/store.h"

namespace mailstead::pop3::testing {

class ManualClock final : public mail::Clock {
 public:
  mail::WallTime wall() const override { return mail::WallTime(std::chrono::seconds(1'700'000'000)); }
  mail::SteadyTime steady() const override { return steady_; }
  void pass(std::chrono::seconds time) { steady_ += time; }

 private:
  mail::SteadyTime steady_{std::chrono::hours(1)};
};

// "alice" with "secret word".
inline std::optional<sasl::ScramKeys> keys_of_alice(const std::string& user) {
  static const sasl::ScramKeys keys = sasl::make_keys(mail::Secret("secret word"), 4096);
  return user == "alice" ? std::optional(keys) : std::nullopt;
}

class ServedStore {
 public:
  explicit ServedStore(const std::vector<std::string>& messages) {
    std::string pattern = (std::filesystem::temp_directory_path() / "mailstead-pop3-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    directory_ = pattern;
    storage::StoreOptions options;
    options.data_dir = directory_ / "data";
    store_ = storage::open_store(options);
    if (!store_->users().add({"alice", "", mail::WallTime()})) throw std::runtime_error("add user");
    add(messages);
  }
  ~ServedStore() {
    store_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  ServedStore(const ServedStore&) = delete;
  ServedStore& operator=(const ServedStore&) = delete;

  storage::Store& store() { return *store_; }
  // Waits for the disk once for all of them.
  void add(const std::vector<std::string>& messages) {
    for (const auto& message : messages) {
      storage::Acceptance acceptance;
      acceptance.source = {"seed", "", 0, 0, std::to_string(++seeded_)};
      acceptance.duplicates.scope = storage::DuplicateRule::Scope::kNone;
      acceptance.size = message.size();
      storage::NewContent content;
      content.bytes = std::make_shared<mail::MemoryContent>(message);
      content.digest = mail::sha256(message);
      acceptance.contents.push_back(std::move(content));
      acceptance.placements.push_back({"alice", "INBOX", {}, mail::WallTime(), 0});
      store_->acceptor().accept(std::move(acceptance), [](const auto&) {});
    }
    store_->acceptor().flush();
    if (count() != seeded_) throw std::runtime_error("the seed was not accepted");
  }
  [[nodiscard]] std::size_t count() { return store_->mail().find("alice", "INBOX")->messages; }
  void remove_all() { (void)store_->mail().expunge(store_->mail().find("alice", "INBOX")->id, std::nullopt, true); }

 private:
  std::filesystem::path directory_;
  std::unique_ptr<storage::Store> store_;
  std::size_t seeded_ = 0;
};

}  // namespace mailstead::pop3::testing
