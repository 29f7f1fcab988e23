#include "connectors/pop3/client/cleanup.h"

#include <algorithm>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {
constexpr std::size_t kDelesInFlight = 256;
}  // namespace

std::vector<const ListedMessage*> mark_deleted(Connection& connection, bool pipelining,
                                               const std::vector<const ListedMessage*>& messages,
                                               std::vector<std::string>& warnings) {
  std::vector<const ListedMessage*> marked;
  std::size_t in_flight = pipelining ? kDelesInFlight : 1;
  for (std::size_t begin = 0; begin < messages.size(); begin += in_flight) {
    std::size_t end = std::min(begin + in_flight, messages.size());
    std::string commands;
    for (std::size_t i = begin; i < end; ++i) commands += "DELE " + std::to_string(messages[i]->number) + "\r\n";
    connection.send(commands);
    for (std::size_t i = begin; i < end; ++i) {
      Reply reply = connection.read_reply();
      if (reply.ok()) {
        marked.push_back(messages[i]);
      } else if (warnings.size() < 20) {
        warnings.push_back("message " + std::to_string(messages[i]->number) +
                           " could not be deleted: " + mail::printable(reply.text, 200));
      }
    }
  }
  return marked;
}

bool quit(Connection& connection, std::string& why) {
  bool confirmed = false;
  try {
    Reply reply = connection.exchange("QUIT");
    confirmed = reply.ok();
    if (!confirmed) why = mail::printable(reply.text, 200);
  } catch (const mail::Failure& failure) {
    if (failure.kind() == mail::FailureKind::kCancelled) throw;
    why = failure.text();
  }
  connection.close();
  return confirmed;
}

}  // namespace mailstead::pop3
