#include "connectors/imap/client/command_text.h"

#include <openssl/crypto.h>

#include <algorithm>

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

CommandText& CommandText::mailbox(std::string_view wire, const Capabilities& capabilities, bool utf8) {
  auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  auto is_8_bit = [](char c) { return static_cast<unsigned char>(c) > '\x7f'; };
  if (!utf8 || std::none_of(wire.begin(), wire.end(), is_8_bit) || std::any_of(wire.begin(), wire.end(), is_control)) {
    return astring(wire, capabilities);
  }
  text_ += '"';
  for (char c : wire) {
    if (c == '"' || c == '\\') text_ += '\\';
    text_ += c;
  }
  text_ += '"';
  return *this;
}

void CommandText::wipe() noexcept {
  OPENSSL_cleanse(text_.data(), text_.size());
  text_.clear();
  pauses_.clear();
}

}  // namespace mailstead::imap
