// CRLF to LF and back, in pieces; on the way there it is found out whether the way back is known.
#pragma once

#include <string>
#include <string_view>

namespace mailstead::mail {

class UnixLines {
 public:
  // Appends to `out`; a CR that stands alone stays.
  void convert(std::string_view bytes, std::string& out);
  void finish(std::string& out);
  // False once the input had an LF without CR: LF to CRLF would not restore it then.
  [[nodiscard]] bool reversible() const noexcept { return reversible_; }

 private:
  bool cr_pending_ = false;
  bool reversible_ = true;
};

class CrlfLines {
 public:
  // Appends to `out`; what is CRLF already stays, as does a CR that stands alone.
  void convert(std::string_view bytes, std::string& out);

 private:
  bool after_cr_ = false;
};

}  // namespace mailstead::mail
