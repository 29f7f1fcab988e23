#include "connectors/imap/client/personal_namespace.h"

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

class NamespaceHandler final : public ResponseHandler {
 public:
  explicit NamespaceHandler(bool utf8) : utf8_(utf8) {}
  bool untagged(const Response& response) override {
    if (!response.is_data("NAMESPACE")) return false;
    found = decode_namespace(response.rest, utf8_).value_or(PersonalNamespace());
    return true;
  }
  PersonalNamespace found;

 private:
  bool utf8_;
};

}  // namespace

std::optional<PersonalNamespace> decode_namespace(std::string_view rest, bool utf8) {
  PersonalNamespace result;
  try {
    Cursor cursor(rest);
    cursor.skip_spaces();
    if (cursor.try_word("NIL")) return result;
    cursor.expect_char('(');
    cursor.expect_char('(');
    std::string prefix = cursor.expect_string();
    cursor.skip_spaces();
    auto delimiter = cursor.expect_nstring();
    if (delimiter && delimiter->size() == 1) result.delimiter = delimiter->front();
    result.prefix = utf8 ? prefix : from_modified_utf7(prefix).value_or(prefix);
  } catch (const mail::Failure&) {
    return std::nullopt;
  }
  return result;
}

PersonalNamespace ask_namespace(Session& session) {
  NamespaceHandler handler(session.utf8_names());
  (void)session.run(CommandText("NAMESPACE"), handler);
  return std::move(handler.found);
}

}  // namespace mailstead::imap
