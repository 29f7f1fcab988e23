// Whole sessions of the IMAP server, by two clients of one mailbox on a store in memory. The first octet chooses how
// the octets arrive, the second who is signed in; the rest is what they say, a record separator (0x1E) passing the word
// to the other. Whatever is said:
//   - each advance() comes to an end, and what was answered so far in whole lines;
//   - afterwards a third client finds the mailbox in order: what a view counts is what the store holds.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/imap/server/session.h"
#include "fuzz/check.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"
#include "tests/support/memory_mail_store.h"

namespace {

using namespace mailstead;

constexpr std::size_t kMaxInput = 64 * 1024;
constexpr int kMaxAdvances = 100'000;

class Still final : public mail::Clock {
 public:
  [[nodiscard]] mail::WallTime wall() const override { return mail::WallTime(std::chrono::seconds(1'700'000'000)); }
  [[nodiscard]] mail::SteadyTime steady() const override { return {}; }
};

// Of the password "secret", derived in one round: a sign-in of 4,096 would be all that the fuzzer does.
const sasl::ScramKeys& keys() {
  static const sasl::ScramKeys cheap{1,
                                     "fuzz salt",
                                     {mail::decode_base64("UbXEvN7orS42r0a5K5/d/xA6FntRNxXgcYO7s5joh0w=").value(),
                                      mail::decode_base64("ztLBWZoV38M5OEmAk5UVQ/xTRXitXJHoicvnzkZGvts=").value()},
                                     std::nullopt};
  return cheap;
}

constexpr std::string_view kMessages[] = {
    "From: a@example.org\r\nSubject: Re: [list] one\r\nMessage-ID: <1@x>\r\n\r\nHello.\r\n",
    "From: =?utf-8?q?=C3=A4?= <b@x>\r\nTo: c@x, d@x\r\nSubject: one\r\nReferences: <1@x> <0@x>\r\nDate: 1 Jan 2020 "
    "10:00:00 +0000\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n<p>x "
    "&amp; "
    "y</p>\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: in\r\n\r\nz\r\n--b--\r\n",
    "\r\n",
};

struct World {
  World() {
    (void)store.mail().create("alice", "INBOX", "");
    (void)store.mail().create("alice", "Sent", "\\Sent");
    for (std::string_view message : kMessages) store.put("alice", "INBOX", std::string(message), {"\\Seen", "$Own"});
    factory = imap::make_session_factory({.store = store,
                                          .keys = [](const std::string&) { return std::optional(keys()); },
                                          .clock = clock,
                                          .version = "1",
                                          .max_append = 64 * 1024});
  }
  test::MemoryStore store;
  Still clock;
  net::ServerSessionFactory factory;
};

class Client {
 public:
  explicit Client(World& world) : session_(world.factory({"127.0.0.1", true, false}, [] {})) { go_on(); }

  void say(std::string_view octets, std::size_t step) {
    for (; !octets.empty() && open_; octets.remove_prefix(std::min(step, octets.size()))) {
      input_.append(octets.substr(0, step));
      go_on();
    }
  }
  std::string take() { return std::exchange(output_, {}); }
  [[nodiscard]] bool open() const { return open_; }

 private:
  void go_on() {
    try {
      for (int i = 0; open_; ++i) {
        FUZZ_CHECK(i < kMaxAdvances);
        switch (session_->advance(input_, output_)) {
          case net::SessionStep::kNeedsInput: FUZZ_CHECK(output_.empty() || output_.ends_with("\r\n")); return;
          case net::SessionStep::kMore:
          case net::SessionStep::kCompress: break;
          case net::SessionStep::kStartTls:
          case net::SessionStep::kPause:  // nobody guesses passwords here
          case net::SessionStep::kClose: open_ = false; break;
        }
      }
    } catch (const mail::Failure&) {
      open_ = false;
    }
  }

  std::unique_ptr<net::ServerSession> session_;
  net::InputBuffer input_;
  std::string output_;
  bool open_ = true;
};

void check_mailbox(World& world) {
  Client judge(world);
  judge.say("a LOGIN alice secret\r\nb SELECT INBOX\r\n", 1000);
  (void)judge.take();
  auto box = world.store.mail().find("alice", "INBOX");
  FUZZ_CHECK(box.has_value() && judge.open());
  judge.say("c SEARCH RETURN (COUNT) ALL\r\nd SEARCH RETURN (COUNT) UNSEEN\r\n", 1000);
  std::string answer = judge.take();
  FUZZ_CHECK(answer.find("(TAG \"c\") COUNT " + std::to_string(box->messages) + "\r\n") != std::string::npos);
  FUZZ_CHECK(answer.find("(TAG \"d\") COUNT " + std::to_string(box->unseen) + "\r\n") != std::string::npos);
  judge.say("e FETCH 1:* (UID FLAGS MODSEQ RFC822.SIZE BODYSTRUCTURE ENVELOPE PREVIEW BINARY.SIZE[1])\r\n", 1000);
  FUZZ_CHECK(judge.open() && judge.take().find("\r\ne ") != std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2 || size > kMaxInput) return 0;
  World world;
  const std::size_t step = data[0] == 0 ? size : data[0];
  Client one(world), two(world);
  if ((data[1] & 1U) != 0) one.say("t LOGIN alice secret\r\nt SELECT INBOX\r\n", 1000);
  if ((data[1] & 2U) != 0) two.say("t LOGIN alice secret\r\nt ENABLE QRESYNC UTF8=ACCEPT\r\nt SELECT INBOX\r\n", 1000);
  if ((data[1] & 4U) != 0) two.say("t ENABLE IMAP4rev2\r\n", 1000);
  std::string_view words(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (bool first = true; !words.empty(); first = !first) {
    std::size_t end = std::min(words.find('\x1E'), words.size());
    (first ? one : two).say(words.substr(0, end), step);
    (void)one.take();
    (void)two.take();
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  check_mailbox(world);
  return 0;
}
