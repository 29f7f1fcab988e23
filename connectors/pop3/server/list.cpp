// LIST (RFC 1939 §5).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/server/listing_answer.h"
#include "connectors/pop3/server/message_argument.h"
#include "connectors/pop3/server/server_session.h"

#include <fmt/format.h>

#include <iterator>
#include <memory>

namespace mailstead::pop3 {

void run_list(Session& session, std::string_view argument) {
  if (!argument.empty()) {
    auto chosen = choose_message(session, argument);
    if (chosen) session.ok(fmt::format("{} {}", chosen->number, chosen->entry->size));
    return;
  }
  session.ok(fmt::format("{} messages ({} octets)", session.maildrop().messages(), session.maildrop().octets()));
  session.answer_at_length(std::make_unique<ListingAnswer>(
      session.maildrop(), [](std::uint32_t number, const storage::Entry& entry, std::string& output) {
        fmt::format_to(std::back_inserter(output), "{} {}\r\n", number, entry.size);
      }));
}

}  // namespace mailstead::pop3
