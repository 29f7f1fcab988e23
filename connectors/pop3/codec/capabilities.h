// What a POP3 server announces in its CAPA reply (RFC 2449 §5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mailstead::pop3 {

struct Capabilities {
  bool known = false;  // the server answered CAPA
  bool stls = false, pipelining = false, uidl = false, top = false, user = false;
  std::vector<std::string> mechanisms;  // of SASL, upper case, as ordered by the server
  std::vector<std::string> lines;       // as announced, printable, for people

  // One line of the reply. At most 200 are kept; the rest is ignored.
  void add(std::string_view line);
};

}  // namespace mailstead::pop3
