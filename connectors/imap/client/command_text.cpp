#include "connectors/imap/client/command_text.h"

#include <openssl/crypto.h>

#include "connectors/imap/codec/syntax.h"

namespace mailstead::imap {

CommandText& CommandText::astring(std::string_view bytes, const Capabilities& capabilities) {
  std::string_view suffix = capabilities.literal_suffix(bytes.size());
  text_.reserve(text_.size() + bytes.size() * 2 + 32);  // no copies of a password left behind by growing
  std::size_t before = text_.size();
  append_astring(text_, bytes, suffix);
  if (text_[before] == '{' && suffix.empty()) pauses_.push_back(text_.size() - bytes.size());
  return *this;
}

void CommandText::wipe() noexcept {
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
  pauses_.clear();
}

}  // namespace mailstead::imap
