// Whole polls of the POP3 client against a server that says whatever the input says: the first three octets choose
// settings, the rest is what the server sends, one connection after the other, parted by 0xFF 0xFE. The real retriever
// runs on a stream in memory (no socket, no wait) with a ledger and a sink in memory. One poll, then a second with what
// the first one left behind.
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/pop3/client/retriever.h"
#include "fuzz/check.h"
#include "mail/failure.h"
#include "tests/support/memory_stream.h"
#include "tests/unit/pop3/pop3_fakes.h"

namespace {

using namespace mailstead;

constexpr std::string_view kNextConnection = "\xff\xfe";

std::vector<std::string> connections_of(std::string_view input) {
  std::vector<std::string> parts;
  for (;;) {
    std::size_t end = input.find(kNextConnection);
    parts.emplace_back(input.substr(0, end));
    if (end == std::string_view::npos) return parts;
    input.remove_prefix(end + kNextConnection.size());
  }
}

retrieval::AccountSettings settings_from(std::uint8_t choice) {
  retrieval::AccountSettings settings;
  settings.name = "fuzz";
  settings.pop3 = true;
  settings.endpoint.host = "localhost";
  settings.endpoint.port = 110;
  settings.endpoint.tls = (choice & 1U) != 0 ? net::TlsMode::kStartTls : net::TlsMode::kNone;
  settings.credentials.user = "alice";
  settings.credentials.password = [] { return mail::Secret("secret"); };
  if ((choice & 2U) != 0) settings.after_fetch = retrieval::AfterFetch::kDelete;
  if ((choice & 4U) != 0) settings.after = std::chrono::hours(1);
  if ((choice & 8U) != 0) settings.commit_every = 2;
  if ((choice & 16U) != 0) settings.skip_larger_than = 1000;
  if ((choice & 32U) != 0) settings.window_bytes = 100;
  const char* const mechanisms[] = {"auto", "scram-sha-256", "xoauth2", "apop"};
  settings.credentials.mechanism = mechanisms[choice >> 6U];
  return settings;
}

retrieval::PollOptions options_from(std::uint8_t choice) {
  retrieval::PollOptions options;
  options.dry_run = (choice & 7U) == 1;
  options.mark_retrieved = (choice & 7U) == 2;
  if ((choice & 8U) != 0) options.since = mail::WallTime(std::chrono::seconds(1'600'000'000));
  if ((choice & 16U) != 0) options.limit = 2;
  return options;
}

// Nothing that was not durable is ever deleted, and a poll hears of no message twice.
void check(const pop3::testing::FakeLedger& ledger, const pop3::testing::FakeSink& sink, std::size_t ended_before) {
  FUZZ_CHECK(!sink.is_open());
  std::set<std::string> names;
  for (std::size_t i = ended_before; i < sink.ended.size(); ++i) {
    FUZZ_CHECK(!sink.ended[i].incoming.source.uidl.empty());
    FUZZ_CHECK(names.insert(sink.ended[i].incoming.source.uidl).second);
  }
  for (const auto& uidl : ledger.known) FUZZ_CHECK(uidl.size() <= mail::kMaxUidl + 80);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const retrieval::AccountSettings settings = settings_from(data[0]);
  const retrieval::PollOptions options = options_from(data[1]);
  const std::size_t chunk = data[2] == 0 ? 65536 : data[2];
  const std::vector<std::string> connections = connections_of({reinterpret_cast<const char*>(data) + 3, size - 3});
  std::size_t dialled = 0;
  auto dial = [&](const net::Endpoint&, const net::Deadline&) -> std::unique_ptr<net::Stream> {
    if (dialled == connections.size()) {
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "refused");
    }
    return std::make_unique<mailstead::testing::MemoryStream>(connections[dialled++], chunk);
  };
  pop3::testing::FakeLedger ledger;
  ledger.known = {"a", "gone", "hash:0"};
  ledger.cleanups = {{"a", mail::WallTime(std::chrono::seconds(1))}};
  pop3::testing::FakeSink sink(ledger);
  std::string remembered;
  for (int round = 0; round < 2; ++round) {
    const std::size_t ended_before = sink.ended.size();
    auto retriever = pop3::make_retriever(settings, dial, remembered);
    retrieval::PollObserver observer;
    try {
      auto result =
          retriever->poll(ledger, sink, observer, options, mail::WallTime(std::chrono::seconds(1'700'000'000)), {});
      FUZZ_CHECK(result.fetched >= sink.ended.size() - ended_before);
    } catch (const mail::Failure& failure) {
      FUZZ_CHECK(!failure.text().empty());
    }
    check(ledger, sink, ended_before);
    remembered = retriever->remembered();
    FUZZ_CHECK(remembered.size() < 10'000);
  }
  return 0;
}
