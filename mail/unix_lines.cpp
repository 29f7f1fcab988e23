#include "mail/unix_lines.h"

namespace mailstead::mail {

void UnixLines::convert(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    if (cr_pending_ && bytes.front() != '\n') out.push_back('\r');
    auto lf = bytes.find('\n');
    bool whole = lf != std::string_view::npos;
    auto line = bytes.substr(0, lf);
    bool after_cr = line.empty() ? cr_pending_ : line.back() == '\r';
    cr_pending_ = after_cr && !whole;
    if (!line.empty() && after_cr) line.remove_suffix(1);
    out.append(line);
    if (whole) {
      reversible_ = reversible_ && after_cr;
      out.push_back('\n');
    }
    bytes.remove_prefix(whole ? lf + 1 : bytes.size());
  }
}

void UnixLines::finish(std::string& out) {
  if (cr_pending_) out.push_back('\r');
  cr_pending_ = false;
}

void CrlfLines::convert(std::string_view bytes, std::string& out) {
  while (!bytes.empty()) {
    const auto lf = bytes.find('\n');
    const auto line = bytes.substr(0, lf);
    out.append(line);
    if (!line.empty()) after_cr_ = line.back() == '\r';
    if (lf == std::string_view::npos) return;
    out.append(after_cr_ ? "\n" : "\r\n");
    after_cr_ = false;
    bytes.remove_prefix(lf + 1);
  }
}

}  // namespace mailstead::mail
