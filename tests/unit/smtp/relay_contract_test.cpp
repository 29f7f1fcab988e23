#include "connectors/smtp/relay.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/destination_contract.h"
#include "tests/support/smtp_sink.h"

namespace mailstead::testing {
namespace {

template <bool kPipelining, bool kLmtp>
class RelaySubject {
 public:
  RelaySubject() {
    sink_.lmtp = kLmtp;
    if (!kPipelining) sink_.hello = "250 sink\r\n";
    sink_.chunk = kPipelining ? 65536 : 1;
    smtp::RelaySettings settings;
    settings.endpoint.host = "sink.example.org";
    settings.endpoint.tls = net::TlsMode::kNone;
    settings.helo_name = "client.example.org";
    settings.dialect = kLmtp ? smtp::Dialect::kLmtp : smtp::Dialect::kSmtp;
    relay_ = smtp::make_relay(settings, [this](const net::Endpoint&, const net::Deadline&) {
      if (broken_) throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "refused");
      return sink_.connect();
    });
  }
  ~RelaySubject() { EXPECT_EQ(sink_.violations, std::vector<std::string>{}); }

  const delivery::Destination& destination() { return *relay_; }
  std::vector<std::string> recipients() { return {"one@example.org", "two@example.org"}; }
  std::vector<std::string> arrived() {
    std::vector<std::string> texts;
    for (const auto& message : sink_.messages) texts.push_back(message.text);
    return texts;
  }
  void break_it() { broken_ = true; }

 private:
  SmtpSink sink_;
  bool broken_ = false;
  std::unique_ptr<delivery::Destination> relay_;
};

using Relays = ::testing::Types<RelaySubject<true, false>, RelaySubject<false, false>, RelaySubject<true, true>,
                                RelaySubject<false, true>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Relay, DestinationContract, Relays);

}  // namespace
}  // namespace mailstead::testing
