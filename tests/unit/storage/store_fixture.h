// What the storage tests share: a temporary data directory, messages made of a number, and the list of
// implementations that the contract suites run against.
#pragma once

#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mail/digest.h"
#include "storage/store.h"

#include <gtest/gtest.h>

namespace mailstead::storage {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string path = (std::filesystem::temp_directory_path() / "mailstead-storage-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) std::abort();
    path_ = path;
  }
  ~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  [[nodiscard]] std::string data() const { return path_ + "/data"; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline mail::WallTime at(std::int64_t seconds) {
  return mail::WallTime(std::chrono::seconds(1'700'000'000 + seconds));
}

// The bytes of message `number`: text that no other number has.
inline std::string body(std::size_t number, std::size_t size = 600) {
  std::string text = "Subject: " + std::to_string(number) + "\r\n\r\n";
  while (text.size() < size) text += std::to_string(number * 2654435761U + text.size()) + "\r\n";
  return text;
}

inline std::vector<std::string> uidls_of(const Ledger& ledger, const std::string& account) {
  std::vector<std::string> all;
  ledger.visit_uidls(account, [&](std::string_view uidl) { all.emplace_back(uidl); });
  return all;
}

inline std::string read_all(const mail::Content& content) {
  return mail::read_range(content, 0, content.size());
}

inline NewContent content_of(const std::string& bytes) {
  return {std::make_shared<mail::MemoryContent>(bytes), mail::sha256(bytes), 20, "structure"};
}

inline NewContent content_through(ContentStore& store, const std::string& bytes, std::size_t step = 1000) {
  auto incoming = store.begin(0);
  for (std::size_t i = 0; i < bytes.size(); i += step) incoming->append(std::string_view(bytes).substr(i, step));
  return {incoming->finish(), mail::sha256(bytes), 20, "structure"};
}

// Message `number` of the IMAP account "work", for alice's INBOX.
inline Acceptance message(std::size_t number, const std::string& bytes) {
  Acceptance acceptance;
  acceptance.source = {"work", "INBOX", 7, static_cast<Uid>(number), ""};
  acceptance.now = at(static_cast<std::int64_t>(number));
  acceptance.internal_date = at(-static_cast<std::int64_t>(number));
  acceptance.size = bytes.size();
  acceptance.fingerprint = mail::sha256("fingerprint of " + bytes);
  acceptance.message_id = "<" + std::to_string(number) + "@example.org>";
  acceptance.from = "Bob <bob@example.org>";
  acceptance.subject = "Message " + std::to_string(number);
  acceptance.contents.push_back(content_of(bytes));
  acceptance.placements.push_back({"alice", "INBOX", {}, acceptance.internal_date, 0});
  return acceptance;
}
inline Acceptance message(std::size_t number) {
  return message(number, body(number));
}

inline NewDelivery delivery_to(std::string destination, std::vector<std::string> recipients) {
  NewDelivery delivery;
  delivery.destination = std::move(destination);
  delivery.sender = "bob@example.org";
  delivery.recipients = std::move(recipients);
  delivery.internal_date = at(0);
  return delivery;
}

using AcceptResult = std::variant<AcceptReceipt, mail::Failure>;

// Hands over and waits for the end.
inline AcceptResult accept_now(Store& store, Acceptance acceptance) {
  AcceptResult result = AcceptReceipt{};
  store.acceptor().accept(std::move(acceptance), [&](const AcceptResult& ended) { result = ended; });
  store.acceptor().flush();
  return result;
}
inline AcceptReceipt accepted(Store& store, Acceptance acceptance) {
  AcceptResult result = accept_now(store, std::move(acceptance));
  if (const auto* failure = std::get_if<mail::Failure>(&result)) {
    ADD_FAILURE() << failure->text() << " " << failure->detail();
    return {};
  }
  return std::get<AcceptReceipt>(result);
}

// An implementation of the stores, for the contract suites.
struct Implementation {
  std::string name;
  std::function<std::unique_ptr<Store>(const std::string& directory)> open;
  friend std::ostream& operator<<(std::ostream& out, const Implementation& which) { return out << which.name; }
};

inline StoreOptions options_for(const std::string& directory) {
  StoreOptions options;
  options.data_dir = directory;
  options.min_free = 0;
  return options;
}

inline std::vector<Implementation> implementations() {
  return {{"OnDisk", [](const std::string& directory) { return open_store(options_for(directory)); }},
          // Everything large: contents are spooled, segments of their own, groups small.
          {"OnDiskSpooling", [](const std::string& directory) {
             StoreOptions options = options_for(directory);
             options.spool_above = 256;
             options.segment_size = 4096;
             options.memory_budget = 8192;
             return open_store(options);
           }}};
}

class StoreContract : public testing::TestWithParam<Implementation> {
 protected:
  StoreContract() { open(); }
  void open() {
    store_.reset();
    store_ = GetParam().open(directory_.data());
  }
  ~StoreContract() override {
    if (store_ == nullptr) return;
    for (const std::string& problem : store_->check(true).problems) ADD_FAILURE() << problem;
  }
  Store& store() { return *store_; }
  Mailbox box(const std::string& name, const std::string& user = "alice") {
    auto found = store_->mail().find(user, name);
    EXPECT_TRUE(found) << name;
    return found.value_or(Mailbox{});
  }
  Snapshot snapshot(const std::string& name, const std::string& user = "alice") {
    return store_->mail().open(box(name, user).id).value_or(Snapshot{});
  }
  std::vector<std::string> bodies(const std::string& name, const std::string& user = "alice") {
    std::vector<std::string> found;
    for (const Entry& entry : snapshot(name, user).entries) {
      found.push_back(read_all(*store_->content().open(entry.content)));
    }
    return found;
  }
  std::vector<std::string> kinds(MessageId id) {
    std::vector<std::string> found;
    auto history = store_->history().by_id(id);
    EXPECT_TRUE(history);
    if (!history) return found;
    for (const HistoryEvent& event : history->events) found.push_back(event.kind);
    return found;
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
};

#define MAILSTEAD_FOR_EACH_STORE(suite)                                                  \
  INSTANTIATE_TEST_SUITE_P(Implementations, suite, testing::ValuesIn(implementations()), \
                           [](const auto& which) { return which.param.name; })

}  // namespace mailstead::storage
