#include "tests/unit/imap_server/session_fixture.h"

#include <algorithm>

namespace mailstead::test {

sasl::KeyLookup test_keys() {
  static const sasl::ScramKeys keys = sasl::make_keys(mail::Secret("secret"), 4096);
  return [](const std::string& user) -> std::optional<sasl::ScramKeys> {
    if (user == "alice" || user == "bob") return keys;
    return std::nullopt;
  };
}

std::string Client::send(std::string_view octets) {
  input_.append(octets);
  return take();
}

std::string Client::take() {
  std::string all;
  for (int i = 0; i < 1'000'000; ++i) {
    if (closed_ || wants_tls_) return all;
    std::string output;
    net::SessionStep step = session_->advance(input_, output);
    largest_slice_ = std::max(largest_slice_, output.size());
    all += output;
    paused_ = step == net::SessionStep::kPause ? session_->pause() : std::chrono::milliseconds(0);
    if (step == net::SessionStep::kNeedsInput || step == net::SessionStep::kPause) return all;
    if (step == net::SessionStep::kClose) closed_ = true;
    if (step == net::SessionStep::kCompress) ++compressions_;
    if (step == net::SessionStep::kStartTls) {
      wants_tls_ = true;
      input_.clear();
    }
  }
  ADD_FAILURE() << "the session never comes to an end";
  return all;
}

std::string Client::start_tls(net::TlsFacts facts) {
  EXPECT_TRUE(wants_tls_);
  wants_tls_ = false;
  facts.version = "TLSv1.3";
  session_->tls_started(facts);
  return take();
}

bool Client::ok(const std::string& response) {
  return response.starts_with("t OK") || response.find("\r\nt OK") != std::string::npos;
}

ImapServer::ImapServer() {
  for (const char* user : {"alice", "bob"}) {
    (void)store_.mail().create(user, "INBOX", "");
    (void)store_.mail().create(user, "Sent", "\\Sent");
  }
  rebuild();
}

imap::ServerContext ImapServer::context() {
  return {store_,
          test_keys(),
          clock_,
          "mail.example",
          "1.0",
          starttls_,
          max_append_,
          std::chrono::seconds(180),
          std::chrono::seconds(1800),
          door_,
          quota_};
}

std::unique_ptr<net::ServerSession> ImapServer::make(net::PeerFacts peer) {
  return factory_(peer, [this] { ++wakes_; });
}

std::string plain_message(const std::string& subject, const std::string& body) {
  return "From: Ann <ann@example.org>\r\nTo: bob@example.com\r\nSubject: " + subject +
         "\r\nDate: Tue, 14 Nov 2023 22:13:20 +0000\r\nMessage-ID: <" + std::to_string(subject.size()) +
         "@example.org>\r\n\r\n" + body;
}

std::string nested_message() {
  return "From: Ann <ann@example.org>\r\n"
         "Sender: \"Desk, Front\" <desk@example.org>\r\n"
         "To: Team: bob@example.com, Carl <carl@example.com>;, dora@example.net\r\n"
         "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
         "Date: Tue, 14 Nov 2023 22:13:20 +0100\r\n"
         "Message-ID: <n1@example.org>\r\n"
         "MIME-Version: 1.0\r\n"
         "Content-Type: multipart/mixed; boundary=\"b1\"\r\n"
         "\r\n"
         "preamble\r\n"
         "--b1\r\n"
         "Content-Type: text/plain; charset=utf-8\r\n"
         "Content-Transfer-Encoding: quoted-printable\r\n"
         "\r\n"
         "Sch=C3=B6ne Gr=C3=BC=C3=9Fe\r\n"
         "--b1\r\n"
         "Content-Type: message/rfc822\r\n"
         "\r\n"
         "From: inner@example.org\r\n"
         "Subject: inside\r\n"
         "Content-Type: multipart/alternative; boundary=b2\r\n"
         "\r\n"
         "--b2\r\n"
         "\r\n"
         "deep text\r\n"
         "--b2\r\n"
         "Content-Type: text/html\r\n"
         "\r\n"
         "<p>deep</p>\r\n"
         "--b2--\r\n"
         "\r\n"
         "--b1\r\n"
         "Content-Type: application/octet-stream; name=\"a.bin\"\r\n"
         "Content-Disposition: attachment; filename=\"a.bin\"\r\n"
         "Content-Transfer-Encoding: base64\r\n"
         "\r\n"
         "AAECAwQ=\r\n"
         "--b1--\r\n";
}

}  // namespace mailstead::test
