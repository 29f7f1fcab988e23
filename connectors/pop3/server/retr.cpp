// RETR (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/message_answer.h"
#include "connectors/pop3/server/message_argument.h"
#include "connectors/pop3/server/server_session.h"

#include <fmt/format.h>

#include <memory>
#include <optional>

namespace mailstead::pop3 {

void run_retr(Session& session, std::string_view argument) {
  auto chosen = choose_message(session, argument);
  if (!chosen) return;
  auto content = session.context().store.content().open(chosen->entry->content);
  session.ok(fmt::format("{} octets", chosen->entry->size));
  session.count_retrieved(content->size());
  session.answer_at_length(std::make_unique<MessageAnswer>(std::move(content), std::nullopt));
}

}  // namespace mailstead::pop3
