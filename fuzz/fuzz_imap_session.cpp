// Whole IMAP client sessions against a server that says anything: the first octets choose the settings of the account,
// the rest is what the server says (tests/support/talking_stream.h). Two polls, folders, probe. Whatever comes:
//   - each call ends, with a result or a Failure;
//   - the sink is used in order, and nothing of the source is called cleaned up that is not durable;
//   - a password never goes out before the handshake where TLS is demanded;
//   - what we send stays in proportion to what we are told.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "connectors/imap/client/retriever.h"
#include "fuzz/check.h"
#include "mail/failure.h"
#include "tests/support/retrieval_fakes.h"
#include "tests/support/talking_stream.h"

namespace {

using namespace mailstead;

constexpr std::string_view kCanary = "canary-password";
constexpr std::string_view kCanaryBase64 = "Y2FuYXJ5LXBhc3N3b3Jk";
constexpr int kMaxConnections = 6;

struct Choice {
  explicit Choice(const std::uint8_t* data) : first(data[0]), second(data[1]) {}
  [[nodiscard]] bool flag(unsigned bit) const { return ((bit < 8 ? first : second) >> (bit % 8) & 1U) != 0; }
  [[nodiscard]] unsigned two_bits(unsigned bit) const { return (flag(bit) ? 1U : 0U) + (flag(bit + 1) ? 2U : 0U); }
  std::uint8_t first, second;
};

retrieval::AccountSettings settings_of(const Choice& choice) {
  retrieval::AccountSettings settings;
  settings.name = "a";
  settings.endpoint.host = "imap.example.org";
  settings.endpoint.tls = choice.flag(0) ? net::TlsMode::kStartTls : net::TlsMode::kNone;
  settings.credentials.user = "alice";
  settings.credentials.password = [] { return mail::Secret(std::string(kCanary)); };
  settings.credentials.allow_cleartext = true;
  constexpr retrieval::AfterFetch kAfter[] = {retrieval::AfterFetch::kKeep, retrieval::AfterFetch::kDelete,
                                              retrieval::AfterFetch::kSeen, retrieval::AfterFetch::kMove};
  settings.after_fetch = kAfter[choice.two_bits(1)];
  settings.move_to = "Done";
  if (choice.flag(3)) settings.folders = {"INBOX", "*"};
  if (choice.flag(4)) settings.exclude_folders = {"Trash", "?x*"};
  if (choice.flag(5)) settings.skip_larger_than = 1000;
  if (choice.flag(6)) settings.max_messages_per_poll = 3;
  if (choice.flag(7)) settings.window_bytes = 100;
  return settings;
}

struct World {
  World(const Choice& choice_in, std::string_view words)
      : choice(choice_in),
        server(words, choice.flag(8) ? 7 : 65536),
        sink(ledger, settings_after(choice)),
        retriever(imap::make_retriever(
            settings_of(choice), [this](const net::Endpoint&, const net::Deadline&) -> std::unique_ptr<net::Stream> {
              if (++connections > kMaxConnections || !server.more())
                throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "refused");
              return std::make_unique<testing::TalkingStream>(server);
            })) {
    if (!choice.flag(9)) return;
    ledger.folders["INBOX"].uid_validity = 7;
    ledger.folders["INBOX"].done_through = 2;
  }

  static std::optional<std::chrono::seconds> settings_after(const Choice& choice) {
    if (choice.two_bits(1) == 0) return std::nullopt;
    return std::chrono::seconds(0);
  }

  void poll() {
    retrieval::PollObserver observer;
    retrieval::PollOptions options;
    options.dry_run = choice.flag(10);
    options.limit = choice.flag(11) ? 2 : 0;
    (void)retriever->poll(ledger, sink, observer, options, mail::WallTime{}, {});
  }

  Choice choice;
  testing::Server server;
  testing::MemoryLedger ledger;
  testing::RecordingSink sink;
  std::unique_ptr<retrieval::Retriever> retriever;
  int connections = 0;
};

template <typename Work>
void attempt(Work work) {
  try {
    work();
  } catch (const mail::Failure&) {
  }
}

void check(const World& world, std::size_t heard) {
  FUZZ_CHECK(world.sink.misuse.empty());
  FUZZ_CHECK(!world.sink.open());
  for (storage::Uid uid : world.ledger.cleaned)
    FUZZ_CHECK(std::any_of(world.sink.messages.begin(), world.sink.messages.end(),
                           [&](const auto& message) { return message.facts.source.uid == uid; }));
  if (world.choice.flag(0)) {
    FUZZ_CHECK(world.server.before_tls.find(kCanary) == std::string::npos);
    FUZZ_CHECK(world.server.before_tls.find(kCanaryBase64) == std::string::npos);
  }
  if (world.choice.flag(10)) FUZZ_CHECK(world.sink.messages.empty() && world.ledger.cleaned.empty());
  FUZZ_CHECK(world.server.written.size() < 100'000 + 200 * heard);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  World world(Choice(data), {reinterpret_cast<const char*>(data) + 2, size - 2});
  attempt([&] { world.poll(); });
  if (world.choice.flag(12)) attempt([&] { (void)world.retriever->folders({}); });
  if (world.choice.flag(13)) attempt([&] { (void)world.retriever->probe({}); });
  if (world.choice.flag(14))
    attempt([&] {
      if (world.retriever->start_waiting({})) (void)world.retriever->woken({});
    });
  attempt([&] { world.poll(); });
  world.retriever->disconnect();
  check(world, size);
  return 0;
}
