#include "connectors/imap/delivery/append_limit.h"

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/syntax.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::ByteCount;
using mail::operator""_MiB;

constexpr std::string_view kWord = "APPENDLIMIT";
constexpr ByteCount kSmall = 1_MiB;  // no server has a lower limit: not worth a round trip

class LimitHandler final : public ResponseHandler {
 public:
  // * STATUS folder (APPENDLIMIT 257890), or NIL for none
  bool untagged(const Response& response) override {
    if (!response.is_data("STATUS")) return false;
    try {
      Cursor cursor(response.rest);
      (void)cursor.expect_astring();
      cursor.skip_spaces();
      cursor.expect_list([&] {
        const bool ours = cursor.try_word(kWord);
        if (!ours) cursor.skip_value();
        cursor.skip_spaces();
        if (ours) limit = cursor.try_number();
        if (!ours || !limit) cursor.skip_value();
      });
    } catch (const mail::Failure&) {
      limit.reset();  // unreadable: the APPEND will tell
    }
    return true;
  }
  std::optional<ByteCount> limit;
};

}  // namespace

std::optional<ByteCount> announced_limit(const Capabilities& capabilities) {
  for (const std::string& word : capabilities.words()) {
    if (!word.starts_with(kWord) || word.size() <= kWord.size() || word[kWord.size()] != '=') continue;
    return parse_number(std::string_view(word).substr(kWord.size() + 1));
  }
  return std::nullopt;
}

std::optional<ByteCount> append_limit(Connection& connection, const std::string& wire, ByteCount message_size) {
  Session& session = connection.session;
  if (auto limit = announced_limit(session.capabilities())) return limit;
  if (message_size <= kSmall || !session.capabilities().has(kWord)) return std::nullopt;
  LimitHandler handler;
  CommandText status("STATUS ");
  status.mailbox(wire, session.capabilities(), session.utf8_names()).raw(" (APPENDLIMIT)");
  (void)session.run(status, handler);  // refused: the folder may not be there yet
  return handler.limit;
}

}  // namespace mailstead::imap
