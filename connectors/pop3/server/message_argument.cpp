#include "connectors/pop3/server/message_argument.h"

#include "connectors/pop3/codec/number.h"
#include "connectors/pop3/server/server_session.h"

namespace mailstead::pop3 {

std::optional<ChosenMessage> choose_message(Session& session, std::string_view argument) {
  std::string_view word = take_word(argument);
  auto number = argument.empty() ? parse_message_number(word) : std::nullopt;
  if (!number) {
    session.error("A message number is needed");
    return std::nullopt;
  }
  if (const storage::Entry* entry = session.maildrop().find(*number)) return ChosenMessage{*number, entry};
  session.error(session.maildrop().is_marked(*number) ? "This message is deleted" : "There is no such message");
  return std::nullopt;
}

}  // namespace mailstead::pop3
