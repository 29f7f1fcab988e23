// One IMAP account against one transcript of tests/transcripts/imap_client, with what is remembered of its server.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "connectors/imap/client/account_memory.h"
#include "connectors/imap/client/retriever.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/scripted_peer.h"

namespace mailstead::imap {

// INBOX was seen before, up to UID 2.
struct Account {
  explicit Account(const std::string& transcript)
      : peer(testing::ScriptedPeer::from_file("imap_client/" + transcript + ".txt")), sink(ledger) {
    settings.name = "a";
    settings.endpoint = peer->endpoint();
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.endpoint.timeouts.command = settings.endpoint.timeouts.greeting = std::chrono::seconds(10);
    settings.credentials.user = "alice";
    settings.credentials.password = [] { return mail::Secret("secret"); };
    ledger.folders["INBOX"].uid_validity = 7;
    ledger.folders["INBOX"].done_through = 2;
    memory.before = Capabilities::parse("IMAP4rev1 SASL-IR AUTH=PLAIN");
    memory.after = Capabilities::parse("IMAP4rev1 IDLE");
    memory.mechanism = "PLAIN";
    memory.tells_after = true;
    memory.pipelining = AccountMemory::Pipelining::kWorks;
  }
  void use_starttls() {
    settings.endpoint.tls = net::TlsMode::kStartTls;
    settings.endpoint.tls_settings = peer->tls_settings();
  }
  void know_nothing() { memory = {}; }

  // Polls, says goodbye and keeps what is remembered then.
  void poll() {
    const bool starttls = settings.endpoint.tls == net::TlsMode::kStartTls;
    memory.peer =
        std::string(starttls ? "starttls" : "clear") + " localhost:" + std::to_string(peer->port()) + " alice";
    auto retriever = make_retriever(
        settings, [this](const auto&, const auto&) { return peer->connect(); }, memory.encode());
    try {
      retrieval::PollObserver observer;
      result = retriever->poll(ledger, sink, observer, {}, mail::WallTime{}, {});
    } catch (const mail::Failure& thrown) {
      failure = thrown;
    }
    retriever->disconnect();
    EXPECT_EQ(peer->finish(), "");
    memory = AccountMemory::decode(retriever->remembered());
  }

  std::unique_ptr<testing::ScriptedPeer> peer;
  testing::MemoryLedger ledger;
  testing::RecordingSink sink;
  retrieval::AccountSettings settings;
  AccountMemory memory;
  retrieval::PollResult result;
  std::optional<mail::Failure> failure;
};

}  // namespace mailstead::imap
