// Replies of an SMTP server: the same whatever the pieces, bounded, and with a meaning at every stage.
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "connectors/smtp/extensions.h"
#include "connectors/smtp/reply_decoder.h"
#include "connectors/smtp/verdict.h"
#include "fuzz/check.h"
#include "mail/failure.h"
#include "mail/limits.h"

using namespace mailstead;

namespace {

struct Decoded {
  std::vector<smtp::WireReply> replies;
  bool refused = false;
  bool operator==(const Decoded&) const = default;
};

Decoded decode(std::string_view text, std::size_t piece) {
  Decoded decoded;
  smtp::ReplyDecoder decoder;
  try {
    while (!text.empty()) {
      auto used = decoder.feed(text.substr(0, piece));
      FUZZ_CHECK(used > 0);
      text.remove_prefix(used);
      if (decoder.complete()) decoded.replies.push_back(decoder.take());
    }
  } catch (const mail::Failure&) {
    decoded.refused = true;
  }
  return decoded;
}

void judge(const smtp::WireReply& reply) {
  using smtp::Stage;
  FUZZ_CHECK(reply.code >= 200 && reply.code < 600);
  FUZZ_CHECK(!reply.lines.empty() && reply.lines.size() <= smtp::kMaxReplyLines);
  for (const auto& line : reply.lines) FUZZ_CHECK(line.size() <= smtp::kMaxKeptLine);
  for (auto stage : {Stage::kGreeting, Stage::kHello, Stage::kStartTls, Stage::kMail, Stage::kRecipient, Stage::kData,
                     Stage::kBody, Stage::kReset}) {
    auto kept = smtp::kept_reply(reply, smtp::judge(stage, reply).kind);
    FUZZ_CHECK(kept.text.size() <= mail::kMaxRemoteText);
    FUZZ_CHECK(kept.line().find_first_of(std::string_view("\r\n\0", 3)) == std::string::npos);
  }
  FUZZ_CHECK(smtp::parse_extensions(reply).keywords.size() < smtp::kMaxReplyLines);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto whole = decode(text, text.size());
  FUZZ_CHECK(decode(text, 1) == whole);
  FUZZ_CHECK(decode(text, 7) == whole);
  for (const auto& reply : whole.replies) judge(reply);
  return 0;
}
