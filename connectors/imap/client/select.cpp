#include "connectors/imap/client/select.h"

#include "connectors/imap/client/refusal.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

Tag begin_select(Session& session, const std::string& wire_name, bool read_only, std::string_view parameter) {
  session.mailbox() = {};
  CommandText command(read_only && !session.selects_always() ? "EXAMINE " : "SELECT ");
  command.mailbox(wire_name, session.capabilities(), session.utf8_names());
  return session.send(command.raw(parameter));
}

void finish_select(Session& session, Tag tag, const std::string& folder_name) {
  ResponseHandler ignore;
  finish_select(session, tag, folder_name, ignore);
}

void finish_select(Session& session, Tag tag, const std::string& folder_name, ResponseHandler& handler) {
  Completion end = session.finish(tag, handler);
  std::string folder = "folder \"" + mail::printable(folder_name, 200) + "\": ";
  if (!end.ok()) {
    session.mailbox() = {};
    throw command_refusal(end, FailureScope::kFolder, folder + "cannot be selected: ");
  }
  const MailboxState& mailbox = session.mailbox();
  std::string fault = mailbox.fault;
  if (fault.empty() && !mailbox.uid_validity) fault = "the server gives no UIDVALIDITY";
  if (!fault.empty()) throw Failure(FailureKind::kProtocol, FailureScope::kFolder, folder + fault);
}

}  // namespace mailstead::imap
