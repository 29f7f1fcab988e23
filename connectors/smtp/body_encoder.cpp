#include "connectors/smtp/body_encoder.h"

namespace mailstead::smtp {
namespace {

// Within one line: every CR is a bare one.
void append_without_cr(std::string_view text, std::string& out) {
  for (auto cr = text.find('\r'); cr != std::string_view::npos; cr = text.find('\r')) {
    out.append(text.substr(0, cr)).push_back(' ');
    text.remove_prefix(cr + 1);
  }
  out.append(text);
}

}  // namespace

void BodyEncoder::resolve_cr(bool before_lf, std::string& out) {
  if (cr_pending_ && !before_lf) {
    out.push_back(' ');
    line_start_ = false;
  }
  cr_pending_ = false;
}

void BodyEncoder::encode(std::string_view bytes, std::string& out) {
  if (!bytes.empty()) resolve_cr(bytes.front() == '\n', out);
  while (!bytes.empty()) {
    auto lf = bytes.find('\n');
    bool whole = lf != std::string_view::npos;
    auto line = bytes.substr(0, lf);
    bytes.remove_prefix(whole ? lf + 1 : bytes.size());
    if (line_start_ && line.starts_with('.')) out.push_back('.');
    bool ends_with_cr = line.ends_with('\r');
    if (ends_with_cr) line.remove_suffix(1);
    append_without_cr(line, out);
    if (!line.empty()) line_start_ = false;
    if (whole) {
      out.append("\r\n");
      line_start_ = true;
    } else {
      cr_pending_ = ends_with_cr;
    }
  }
}

void BodyEncoder::finish(std::string& out) {
  resolve_cr(false, out);
  if (!line_start_) out.append("\r\n");
  out.append(".\r\n");
  line_start_ = true;
}

}  // namespace mailstead::smtp
