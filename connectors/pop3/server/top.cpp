// TOP (RFC 1939 §7).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/codec/number.h"
#include "connectors/pop3/server/message_answer.h"
#include "connectors/pop3/server/message_argument.h"
#include "connectors/pop3/server/server_session.h"

#include <memory>

namespace mailstead::pop3 {

void run_top(Session& session, std::string_view argument) {
  std::string_view number = take_word(argument);
  auto lines = parse_number(argument);
  if (!lines) return session.error("TOP needs a message number and a number of lines");
  auto chosen = choose_message(session, number);
  if (!chosen) return;
  auto content = session.context().store.content().open(chosen->entry->content);
  session.ok("");
  session.answer_at_length(std::make_unique<MessageAnswer>(std::move(content), lines));
}

}  // namespace mailstead::pop3
