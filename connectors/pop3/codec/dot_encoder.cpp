#include "connectors/pop3/codec/dot_encoder.h"

#include <cstring>

namespace mailstead::pop3 {

void DotEncoder::encode(std::string_view bytes, std::string& output) {
  if (bytes.empty()) return;
  const std::string_view whole = bytes;
  if (last_ == '\n' && bytes.front() == '.') output.push_back('.');
  while (!bytes.empty()) {
    const auto* line_feed = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    std::size_t length = line_feed == nullptr ? bytes.size() : static_cast<std::size_t>(line_feed - bytes.data()) + 1;
    output.append(bytes.substr(0, length));
    bytes.remove_prefix(length);
    if (line_feed != nullptr && !bytes.empty() && bytes.front() == '.') output.push_back('.');
  }
  before_last_ = whole.size() > 1 ? whole[whole.size() - 2] : last_;
  last_ = whole.back();
}

void DotEncoder::finish(std::string& output) {
  bool line_ended = last_ == '\n' && before_last_ == '\r';
  output.append(line_ended ? ".\r\n" : "\r\n.\r\n");
  *this = DotEncoder();
}

}  // namespace mailstead::pop3
