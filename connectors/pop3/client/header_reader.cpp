#include "connectors/pop3/client/header_reader.h"

#include <algorithm>
#include <string>

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kTopsInFlight = 200;

void read_answer(Connection& connection, ListedMessage& message, const VisitHeader& visit) {
  Reply reply = connection.read_reply();
  if (reply.kind == ReplyKind::kContinuation) connection.violate("a continuation instead of a message");
  if (!reply.ok()) return visit(message, nullptr);
  std::string header;
  bool ended = false;
  connection.read_lines(mail::kMaxReplyLine, static_cast<std::size_t>(-1), [&](std::string_view line, bool /*cut*/) {
    ended = ended || line.empty() || header.size() + line.size() > kMaxHeaderRead;
    if (!ended) header.append(line).append("\r\n");
  });
  std::string_view whole(header);
  visit(message, &whole);
}

}  // namespace

void read_headers(Connection& connection, bool pipelining, const std::vector<ListedMessage*>& messages,
                  const VisitHeader& visit) {
  const std::size_t in_flight = pipelining ? kTopsInFlight : 1;
  for (std::size_t begin = 0; begin < messages.size(); begin += in_flight) {
    std::size_t end = std::min(begin + in_flight, messages.size());
    std::string commands;
    for (std::size_t i = begin; i < end; ++i) commands += "TOP " + std::to_string(messages[i]->number) + " 0\r\n";
    connection.send(commands);
    for (std::size_t i = begin; i < end; ++i) read_answer(connection, *messages[i], visit);
  }
}

void read_header_by_retr(Connection& connection, ListedMessage& message, const VisitHeader& visit) {
  connection.send("RETR " + std::to_string(message.number) + "\r\n");
  read_answer(connection, message, visit);
}

}  // namespace mailstead::pop3
