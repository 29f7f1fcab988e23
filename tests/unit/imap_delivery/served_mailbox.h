// Our own IMAP server over mailboxes in memory, as a net::Stream: what a client writes is answered at once. No socket,
// no thread, no time; a read with nothing to be had is a deadline that passed. Connections can be made to break.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "connectors/imap/delivery/imap_destination.h"
#include "connectors/imap/server/session.h"
#include "mail/failure.h"
#include "tests/support/memory_mail_store.h"

namespace mailstead::testing {

class ServedMailbox {
 public:
  ServedMailbox() {
    (void)store.mail().create("alice", "INBOX", "");
    (void)store.mail().create("alice", "Old sent mail", "\\Sent");
    factory_ = imap::make_session_factory({store, keys(), clock, "mail.example", "1.0", false, max_append,
                                           std::chrono::seconds(180), std::chrono::seconds(1800)});
  }

  [[nodiscard]] imap::DeliveryDialer dialer() {
    return [this](const net::Endpoint&, const net::Deadline& deadline) { return connect(deadline); };
  }
  [[nodiscard]] imap::ImapDestinationSettings settings() const {
    imap::ImapDestinationSettings made;
    made.endpoint.host = "imap.example.org";
    made.endpoint.tls = net::TlsMode::kNone;
    made.credentials.user = "alice";
    made.credentials.password = [] { return mail::Secret("secret"); };
    return made;
  }

  struct Kept {
    std::string text;
    mail::Flags flags;
    mail::WallTime date;
  };
  [[nodiscard]] std::vector<Kept> kept(const std::string& folder = "INBOX") {
    std::vector<Kept> found;
    const auto mailbox = store.mail().find("alice", folder);
    const auto snapshot = mailbox ? store.mail().open(mailbox->id) : std::nullopt;
    if (!snapshot) return found;
    for (const auto& entry : snapshot->entries) {
      const auto content = store.content().open(entry.content);
      found.push_back({mail::read_range(*content, 0, content->size()),
                       {entry.flags, snapshot->keyword_sets.at(entry.keywords)},
                       entry.internal_date});
    }
    return found;
  }

  test::MemoryStore store;
  mail::SystemClock clock;
  mail::ByteCount max_append = 16 * 1024 * 1024;
  bool refuses = false;                    // connections
  std::size_t passes = std::string::npos;  // octets of the client that reach the server on the next connection
  std::string last_words;                  // said where it breaks; "%" is the tag of the last command
  bool loses_answers = false;              // to APPEND: the connection ends instead
  std::size_t connections = 0, writes = 0;
  std::size_t largest_write = 0;
  std::chrono::steady_clock::duration longest_wait{};  // that a write may take
  std::string heard;                                   // from clients

 private:
  friend class ServedStream;
  static sasl::KeyLookup keys() {
    static const sasl::ScramKeys made = sasl::make_keys(mail::Secret("secret"), 4096);
    return [](const std::string& user) { return user == "alice" ? std::optional(made) : std::nullopt; };
  }
  [[nodiscard]] std::unique_ptr<net::Stream> connect(const net::Deadline& deadline);

  net::ServerSessionFactory factory_;
};

class ServedStream final : public net::Stream {
 public:
  ServedStream(ServedMailbox& served, std::unique_ptr<net::ServerSession> session)
      : served_(served), session_(std::move(session)), passes_(std::exchange(served.passes, std::string::npos)) {
    take();
  }

  std::size_t read_some(std::span<char> into, const net::Deadline& deadline) override {
    check(deadline);
    if (out_.empty() && closed_) return 0;
    if (out_.empty()) fail(mail::FailureKind::kTemporary, "no answer in time");
    const std::size_t count = std::min(into.size(), out_.size());
    std::copy_n(out_.begin(), count, into.begin());
    out_.erase(0, count);
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline& deadline) override {
    check(deadline);
    if (closed_) fail(mail::FailureKind::kTemporary, "connection reset");
    ++served_.writes;
    served_.largest_write = std::max(served_.largest_write, bytes.size());
    served_.longest_wait = std::max(served_.longest_wait, deadline.at - std::chrono::steady_clock::now());
    served_.heard += bytes;
    const std::size_t count = std::min(bytes.size(), passes_);
    if (passes_ != std::string::npos) passes_ -= count;
    input_.append(bytes.substr(0, count));
    take();
    if (count < bytes.size()) {
      closed_ = true;
      out_ += last_words();
      fail(mail::FailureKind::kTemporary, "connection reset");
    }
    if (served_.loses_answers && out_.find("OK [APPENDUID") != std::string::npos) {
      out_.clear();
      closed_ = true;
    }
  }
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kWantsRead, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return !out_.empty(); }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override { closed_ = true; }

 private:
  [[noreturn]] static void fail(mail::FailureKind kind, const char* text) {
    throw mail::Failure(kind, mail::FailureScope::kSession, text);
  }
  static void check(const net::Deadline& deadline) {
    if (deadline.stop.stop_requested()) fail(mail::FailureKind::kCancelled, "stopped");
  }
  [[nodiscard]] std::string last_words() const {
    std::string words = served_.last_words;
    const std::size_t line = served_.heard.rfind("\nM"), mark = words.find('%');
    if (mark == std::string::npos || line == std::string::npos) return words;
    return words.replace(mark, 1, served_.heard.substr(line + 1, served_.heard.find(' ', line) - line - 1));
  }
  void take() {
    for (int i = 0; i < 1'000'000; ++i) {
      std::string said;  // drained between slices, as the driver does
      const net::SessionStep step = session_->advance(input_, said);
      out_ += said;
      if (step == net::SessionStep::kClose) closed_ = true;
      if (step != net::SessionStep::kMore) return;
    }
    ADD_FAILURE() << "the session never comes to an end";
  }

  ServedMailbox& served_;
  std::unique_ptr<net::ServerSession> session_;
  net::InputBuffer input_;
  std::string out_;
  std::size_t passes_;
  bool closed_ = false;
};

inline std::unique_ptr<net::Stream> ServedMailbox::connect(const net::Deadline& deadline) {
  if (deadline.stop.stop_requested())
    throw mail::Failure(mail::FailureKind::kCancelled, mail::FailureScope::kSession, "stopped");
  if (refuses) throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "refused");
  ++connections;
  return std::make_unique<ServedStream>(*this, factory_({"127.0.0.1", true, false}, [] {}));
}

}  // namespace mailstead::testing
