// The headers of many messages, by TOP n 0 (RFC 1939 §7), pipelined where announced.
#pragma once

#include <functional>
#include <string_view>
#include <vector>

#include "connectors/pop3/client/maildrop.h"

namespace mailstead::pop3 {

inline constexpr std::size_t kMaxHeaderRead = 64 * 1024;  // of one message; the rest is read over

// Called once per message, in order. `header` has its lines with CRLF, up to the blank line and without it; nullptr:
// the server refused.
using VisitHeader = std::function<void(ListedMessage&, const std::string_view* header)>;

void read_headers(Connection& connection, bool pipelining, const std::vector<ListedMessage*>& messages,
                  const VisitHeader& visit);
// The same of one message by RETR, its body thrown away: for servers without TOP.
void read_header_by_retr(Connection& connection, ListedMessage& message, const VisitHeader& visit);

}  // namespace mailstead::pop3
