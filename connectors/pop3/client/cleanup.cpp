#include "connectors/pop3/client/cleanup.h"

#include <algorithm>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::pop3 {
namespace {

constexpr std::size_t kDelesInFlight = 500;  // 6 KiB of commands, 15 KiB of answers: less than socket buffers hold
constexpr std::size_t kMaxWarnings = 20;

void read_answer(Connection& connection, const ListedMessage& message, Deletion& deletion,
                 std::vector<std::string>& warnings) {
  Reply reply = connection.read_reply();
  if (reply.ok()) {
    deletion.marked.push_back(&message);
  } else if (warnings.size() < kMaxWarnings) {
    warnings.push_back("message " + std::to_string(message.number) +
                       " could not be deleted: " + mail::printable(reply.text, 200));
  }
}

void end(Connection& connection, bool quit_sent, Deletion& deletion) {
  try {
    if (!quit_sent) connection.send("QUIT\r\n");
    Reply reply = connection.read_reply();
    deletion.confirmed = reply.ok();
    if (!deletion.confirmed) deletion.why = mail::printable(reply.text, 200);
  } catch (const mail::Failure& failure) {
    if (failure.kind() == mail::FailureKind::kCancelled) throw;
    deletion.why = failure.text();
  }
  connection.close();
}

}  // namespace

Deletion delete_and_quit(Connection& connection, bool pipelining, const std::vector<const ListedMessage*>& messages,
                         std::vector<std::string>& warnings) {
  Deletion deletion;
  const std::size_t in_flight = pipelining ? kDelesInFlight : 1;
  for (std::size_t begin = 0; begin < messages.size(); begin += in_flight) {
    std::size_t last = std::min(begin + in_flight, messages.size());
    std::string commands;
    for (std::size_t i = begin; i < last; ++i) commands += "DELE " + std::to_string(messages[i]->number) + "\r\n";
    if (pipelining && last == messages.size()) commands += "QUIT\r\n";
    connection.send(commands);
    for (std::size_t i = begin; i < last; ++i) read_answer(connection, *messages[i], deletion, warnings);
  }
  end(connection, pipelining && !messages.empty(), deletion);
  return deletion;
}

void leave(Connection& connection) {
  try {
    connection.send("QUIT\r\n");
  } catch (const mail::Failure& failure) {
    if (failure.kind() == mail::FailureKind::kCancelled) throw;
  }
  connection.close();
}

}  // namespace mailstead::pop3
