// One poll of the POP3 client against one transcript, and a table of them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "connectors/pop3/client/retriever.h"
#include "tests/support/scripted_peer.h"
#include "tests/unit/pop3/pop3_fakes.h"

namespace mailstead::pop3::testing {

using mail::FailureKind;
using mailstead::testing::load_transcript;
using mailstead::testing::ScriptedPeer;
using Names = std::vector<std::string>;

inline const mail::WallTime kNow{std::chrono::seconds(1'700'000'000)};

inline retrieval::AccountSettings alice() {
  retrieval::AccountSettings settings;
  settings.name = "work";
  settings.pop3 = true;
  settings.endpoint.tls = net::TlsMode::kNone;
  settings.endpoint.host = "localhost";
  settings.credentials.user = "alice";
  settings.credentials.password = [] { return mail::Secret("secret"); };
  return settings;
}

class Observer final : public retrieval::PollObserver {
 public:
  std::uint64_t messages = 0, would = 0;
  void found(const std::string&, std::uint64_t count, mail::ByteCount) override { messages = count; }
  void would_fetch(const retrieval::Incoming&) override { ++would; }
};

// One poll against one transcript, and all that can be seen of it.
struct Played {
  FakeLedger ledger;
  FakeSink sink{ledger};
  Observer observer;
  retrieval::AccountSettings settings = alice();
  retrieval::PollOptions options;
  mail::WallTime now = kNow;
  std::string remembered;  // {PORT} stands for the peer's

  retrieval::PollResult result;
  std::optional<FailureKind> failure;
  std::optional<std::chrono::seconds> failure_wait;
  std::string failure_text, mismatch;

  void play(const std::string& transcript) {
    ScriptedPeer peer(transcript);
    net::Endpoint endpoint = peer.endpoint();
    endpoint.tls = settings.endpoint.tls;
    endpoint.timeouts = settings.endpoint.timeouts;
    endpoint.tls_settings.insecure = settings.endpoint.tls_settings.insecure;
    settings.endpoint = endpoint;
    if (auto place = remembered.find("{PORT}"); place != std::string::npos) {
      remembered.replace(place, 6, std::to_string(endpoint.port));
    }
    {
      auto retriever = make_retriever(settings, net::dial, remembered);
      try {
        result = retriever->poll(ledger, sink, observer, options, now, {});
      } catch (const mail::Failure& caught) {
        failure = caught.kind();
        failure_text = caught.text();
        failure_wait = caught.retry_after();
      }
      remembered = retriever->remembered();
    }
    mismatch = peer.finish();
  }
  void play_file(const std::string& name) { play(load_transcript("pop3_client/" + name + ".txt")); }
  // One whole word of it.
  [[nodiscard]] bool remembers(const std::string& word) const {
    return (" " + remembered + " ").find(" " + word + " ") != std::string::npos;
  }
  [[nodiscard]] bool warned_of(const std::string& words) const {
    return std::any_of(result.warnings.begin(), result.warnings.end(),
                       [&](const std::string& text) { return text.find(words) != std::string::npos; });
  }
  [[nodiscard]] std::vector<std::string> bodies() const {
    std::vector<std::string> all;
    for (const auto& message : sink.ended) all.push_back(message.bytes);
    return all;
  }
};

struct Row {
  const char* file;
  std::vector<std::string> bodies;
  std::optional<FailureKind> failure = {};
  std::function<void(Played&)> prepare = {};
  std::function<void(Played&)> check = {};
};

inline void with_delete(Played& played) {
  played.settings.after_fetch = retrieval::AfterFetch::kDelete;
}
inline void with_stls(Played& played) {
  played.settings.endpoint.tls = net::TlsMode::kStartTls;
}
inline void without_secret_in_text(Played& played) {
  EXPECT_EQ(played.failure_text.find("secret"), std::string::npos);
}
inline void with_warning(Played& played) {
  EXPECT_FALSE(played.result.warnings.empty());
}

inline void play_rows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.file);
    Played played;
    if (row.prepare) row.prepare(played);
    played.play_file(row.file);
    EXPECT_EQ(played.mismatch, "");
    EXPECT_EQ(played.failure, row.failure) << played.failure_text;
    EXPECT_EQ(played.bodies(), row.bodies);
    EXPECT_FALSE(played.sink.is_open());
    if (row.check) row.check(played);
  }
}

}  // namespace mailstead::pop3::testing
