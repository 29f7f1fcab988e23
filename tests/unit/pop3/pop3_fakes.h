// What the POP3 tests put in place of the agent and of the network: a ledger and a sink in memory, a stream with canned
// input, and a stream that drives one of our own server sessions.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "connectors/net/server_session.h"
#include "connectors/retrieval.h"
#include "mail/failure.h"

namespace mailstead::pop3::testing {

class FakeLedger final : public storage::Ledger {
 public:
  std::set<std::string, std::less<>> known;
  std::map<std::string, mail::WallTime> cleanups;
  std::map<std::string, storage::Trouble> kept_troubles;  // by UIDL
  std::vector<storage::Shown> had;                        // what adopt() knows of
  std::vector<std::string> forgotten, deleted;
  std::vector<storage::RetrievedMessage> retrieved;
  std::vector<std::pair<std::string, std::string>> renamed;

  std::optional<storage::FolderProgress> folder(const std::string&, const std::string&) const override { return {}; }
  void advance(const std::string&, const std::string&, std::uint32_t, storage::Uid, storage::ModSeq) override {}
  void restart_folder(const std::string&, const std::string&, std::uint32_t) override {}
  std::vector<bool> adopt(const std::string&, const std::string&, std::uint32_t,
                          const std::vector<storage::Shown>& shown,
                          const std::unordered_set<std::string>& gone) override {
    std::vector<bool> adopted;
    for (const storage::Shown& message : shown) {
      auto ours = std::find_if(had.begin(), had.end(), [&](const storage::Shown& kept) {
        return gone.contains(kept.uidl) && kept.message_id == message.message_id && kept.size == message.size;
      });
      adopted.push_back(ours != had.end());
      if (ours == had.end()) continue;
      known.erase(ours->uidl);
      known.insert(message.uidl);
      had.erase(ours);
    }
    return adopted;
  }
  void end_matching(const std::string&, const std::string&) override {}
  void mark_done(const std::string&, const std::string&, std::uint32_t,
                 const std::vector<storage::UidRange>&) override {}
  void rewind(const std::string&, const std::string&, storage::Uid) override {}
  std::vector<bool> known_identities(const std::string&, const std::vector<std::string>& asked) const override {
    return std::vector<bool>(asked.size(), false);
  }
  void note_copies(const std::vector<storage::Copy>&, mail::WallTime) override {}
  void skip(const storage::SourceRef& source, mail::WallTime, const std::string&) override {
    known.insert(source.uidl);
  }
  void forget_skipped(const std::string&) override {}
  unsigned note_trouble(const storage::SourceRef& source, mail::WallTime now, const std::string& reason) override {
    storage::Trouble& trouble = kept_troubles[source.uidl];
    trouble.source = source;
    trouble.last = now;
    trouble.reason = reason;
    trouble.stepped_over = ++trouble.attempts >= storage::kPoisonAttempts;
    trouble.next_try = trouble.stepped_over ? now + storage::kPoisonRetry : now;
    if (trouble.stepped_over) known.insert(source.uidl);
    return trouble.attempts;
  }
  std::vector<storage::Trouble> troubles(const std::string&) const override {
    std::vector<storage::Trouble> found;
    for (const auto& [uidl, trouble] : kept_troubles) found.push_back(trouble);
    return found;
  }
  void forget_troubles(const std::vector<storage::SourceRef>& sources) override {
    for (const auto& source : sources) kept_troubles.erase(source.uidl);
  }
  void visit_uidls(const std::string&, const std::function<void(std::string_view)>& visit) const override {
    for (const auto& uidl : known) visit(uidl);
  }
  void mark_uidls(const std::string&, const std::vector<std::string>& uidls) override {
    known.insert(uidls.begin(), uidls.end());
  }
  void visit_retrieved(const std::string&,
                       const std::function<void(const storage::RetrievedMessage&)>& visit) const override {
    for (const auto& message : retrieved) visit(message);
  }
  void rename_uidls(const std::string&, const std::vector<std::pair<std::string, std::string>>& names) override {
    for (const auto& [old_name, new_name] : names) known.erase(old_name), known.insert(new_name);
    renamed.insert(renamed.end(), names.begin(), names.end());
  }
  void forget_uidls(const std::string&, const std::vector<std::string>& gone) override {
    for (const auto& uidl : gone) known.erase(uidl), kept_troubles.erase(uidl), forgotten.push_back(uidl);
  }
  std::vector<storage::Cleanup> cleanup_due(const std::string&, const std::string&, mail::WallTime now) const override {
    std::vector<storage::Cleanup> due;
    for (const auto& [uidl, at] : cleanups) {
      if (at <= now) due.push_back({0, uidl, at});
    }
    return due;
  }
  void cleaned_uids(const std::string&, const std::string&, const std::vector<storage::Uid>&) override {}
  void cleaned_uidls(const std::string&, const std::vector<std::string>& uidls, bool gone) override {
    for (const auto& uidl : uidls) {
      cleanups.erase(uidl);
      deleted.push_back(uidl);
      if (gone) known.erase(uidl);
    }
  }
};

class FakeSink final : public retrieval::MessageSink {
 public:
  explicit FakeSink(FakeLedger& ledger) : ledger_(ledger) {}
  struct Message {
    retrieval::Incoming incoming;
    std::string bytes;
  };
  std::vector<Message> ended;
  std::vector<std::pair<std::string, std::string>> skips;  // identity, reason
  unsigned aborted = 0;
  std::optional<mail::Failure> flush_fails;

  void begin(const retrieval::Incoming& message) override { open_ = Message{message, {}}; }
  void append(std::string_view bytes) override { open_.value().bytes += bytes; }
  void end() override {
    waiting_.push_back(open_.value().incoming.source);
    ended.push_back(std::move(*open_));
    open_.reset();
  }
  void abort() noexcept override { ++aborted, open_.reset(); }
  void skipped(const retrieval::Incoming& message, const std::string& reason) override {
    ledger_.known.insert(message.source.uidl);
    skips.emplace_back(message.source.uidl, reason);
  }
  void flush() override {
    if (flush_fails) throw *flush_fails;
    ledger_.forget_troubles(waiting_);
    for (auto& source : waiting_) ledger_.known.insert(source.uidl), durable_.push_back(std::move(source));
    waiting_.clear();
  }
  std::vector<storage::SourceRef> take_durable() override { return std::exchange(durable_, {}); }
  [[nodiscard]] bool is_open() const { return open_.has_value(); }

 private:
  FakeLedger& ledger_;
  std::optional<Message> open_;
  std::vector<storage::SourceRef> waiting_, durable_;
};

// The waiting half of a Stream, for clients.
class ClientStream : public net::Stream {
 public:
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kEnd, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  std::optional<net::TlsFacts> tls() const override { return {}; }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "local"; }
  void close() noexcept override {}
};

// Says what it was given, whatever it hears, then ends.
class CannedStream final : public ClientStream {
 public:
  CannedStream(std::string input, std::size_t chunk, std::string* heard)
      : input_(std::move(input)), chunk_(chunk), heard_(heard) {}
  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    std::size_t count = std::min({into.size(), chunk_, input_.size() - at_});
    std::copy_n(input_.data() + at_, count, into.data());
    at_ += count;
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    if (heard_ != nullptr) *heard_ += bytes;
  }

 private:
  std::string input_;
  std::size_t at_ = 0, chunk_;
  std::string* heard_;
};

// The client's end of a connection to one of our own server sessions. A client that waits for what will never come
// gets a Failure instead of a hang.
class SessionStream final : public ClientStream {
 public:
  explicit SessionStream(std::unique_ptr<net::ServerSession> session) : session_(std::move(session)) { go_on(); }
  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    if (output_.empty() && step_ == net::SessionStep::kMore) go_on();
    if (output_.empty() && step_ == net::SessionStep::kClose) return 0;
    if (output_.empty()) {
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "waits for ever");
    }
    std::size_t count = std::min(into.size(), output_.size());
    std::copy_n(output_.data(), count, into.data());
    output_.erase(0, count);
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    input_.append(bytes);
    if (step_ == net::SessionStep::kNeedsInput) go_on();
  }
  void close() noexcept override { session_.reset(), step_ = net::SessionStep::kClose; }

 private:
  void go_on() { step_ = session_->advance(input_, output_); }

  std::unique_ptr<net::ServerSession> session_;
  net::InputBuffer input_;
  std::string output_;
  net::SessionStep step_ = net::SessionStep::kMore;
};

}  // namespace mailstead::pop3::testing
