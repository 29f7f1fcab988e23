// A session of the IMAP server over a MemoryStore, and the shortest way to talk to it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "connectors/imap/server/session.h"
#include "tests/support/memory_mail_store.h"

namespace mailstead::test {

class HeldClock final : public mail::Clock {
 public:
  [[nodiscard]] mail::WallTime wall() const override { return wall_; }
  [[nodiscard]] mail::SteadyTime steady() const override { return steady_; }
  mail::WallTime wall_{std::chrono::seconds(1'700'000'000)};
  mail::SteadyTime steady_{};
};

// Users alice and bob, both with the password "secret".
[[nodiscard]] sasl::KeyLookup test_keys();

class Client {
 public:
  explicit Client(std::unique_ptr<net::ServerSession> session) : session_(std::move(session)) { (void)take(); }

  // Feeds the octets and answers what came back.
  std::string send(std::string_view octets);
  // A tagged command, without tag and CRLF; everything up to its tagged response.
  std::string command(const std::string& text) { return send("t " + text + "\r\n"); }
  void login(const std::string& user = "alice") { EXPECT_TRUE(ok(command("LOGIN " + user + " secret"))); }
  std::string wake() { return send(""); }
  std::string start_tls(net::TlsFacts facts = {});
  [[nodiscard]] int compressions() const { return compressions_; }
  [[nodiscard]] bool closed() const { return closed_; }
  // For how long the session wants to say and hear nothing; wake() when the clock has passed it.
  [[nodiscard]] std::chrono::milliseconds paused() const { return paused_; }
  [[nodiscard]] std::size_t largest_slice() const { return largest_slice_; }
  [[nodiscard]] net::ServerSession& session() { return *session_; }
  [[nodiscard]] static bool ok(const std::string& response);
  [[nodiscard]] static bool has(const std::string& response, const std::string& part) {
    return response.find(part) != std::string::npos;
  }

 private:
  std::string take();
  std::unique_ptr<net::ServerSession> session_;
  net::InputBuffer input_;
  bool closed_ = false;
  std::chrono::milliseconds paused_{0};
  int compressions_ = 0;
  bool wants_tls_ = false;
  std::size_t largest_slice_ = 0;
};

class ImapServer : public ::testing::Test {
 protected:
  ImapServer();
  [[nodiscard]] imap::ServerContext context();
  [[nodiscard]] std::unique_ptr<net::ServerSession> make(net::PeerFacts peer = {"127.0.0.1", true, false});
  [[nodiscard]] Client client() { return Client(make()); }
  [[nodiscard]] Client signed_in() {
    Client made(make());
    made.login();
    return made;
  }
  // Another client may have to see what this one does.
  void rebuild() { factory_ = imap::make_session_factory(context()); }

  MemoryStore store_;
  HeldClock clock_;
  bool starttls_ = false;
  mail::ByteCount max_append_ = 1024 * 1024;
  net::ServerSessionFactory factory_;
  sasl::Doorkeeper door_;
  std::function<imap::Quota(const std::string&)> quota_;
  int wakes_ = 0;
};

// A message of two parts, an attachment and a nested message.
[[nodiscard]] std::string nested_message();
[[nodiscard]] std::string plain_message(const std::string& subject, const std::string& body = "Hello.\r\n");

}  // namespace mailstead::test
