// A message on its way through DATA (RFC 5321 §2.3.8, §4.1.1.4, §4.5.2): lines end with CRLF, a leading dot is doubled,
// and CRLF.CRLF stands once, at the end.
//
// No bare CR and no bare LF leaves: a lone LF ends a line (mail kept with Unix line ends), a lone CR becomes a space as
// Postfix does it, for as a line end it could make header lines out of a header's text. So nothing within a message can
// end it (SMTP smuggling). Everything else, NUL and 8-bit octets included, goes as it is; lines are not wrapped.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::smtp {

class BodyEncoder {
 public:
  // Appends to `out` what can be sent of `bytes`; at most twice as much plus two octets.
  void encode(std::string_view bytes, std::string& out);
  // Appends the end of the last line, if it is missing, and the final dot.
  void finish(std::string& out);

 private:
  void resolve_cr(bool before_lf, std::string& out);

  bool line_start_ = true;
  bool cr_pending_ = false;  // the last octet so far was CR; what follows decides
};

}  // namespace mailstead::smtp
