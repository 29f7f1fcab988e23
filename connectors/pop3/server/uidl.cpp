// UIDL (RFC 1939 §7).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/listing_answer.h"
#include "connectors/pop3/server/message_argument.h"
#include "connectors/pop3/server/server_session.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>

namespace mailstead::pop3 {

void run_uidl(Session& session, std::string_view argument) {
  ServedMaildrop& maildrop = session.maildrop();
  if (!argument.empty()) {
    auto chosen = choose_message(session, argument);
    if (chosen) session.ok(fmt::format("{} {}", chosen->number, maildrop.uidl(*chosen->entry)));
    return;
  }
  session.ok("");
  session.answer_at_length(std::make_unique<ListingAnswer>(
      maildrop, [&maildrop](std::uint32_t number, const storage::Entry& entry, std::string& output) {
        fmt::format_to(std::back_inserter(output), "{} {}\r\n", number, maildrop.uidl(entry));
      }));
}

}  // namespace mailstead::pop3
