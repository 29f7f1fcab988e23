#include "connectors/imap/delivery/label_store.h"

#include "connectors/imap/delivery/verdict.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

CommandText label_command(Session& session, storage::Uid uid, const std::vector<std::string>& labels) {
  CommandText command("UID STORE ");
  command.raw(std::to_string(uid)).raw(" +X-GM-LABELS (");
  bool first = true;
  for (const std::string& label : labels) {
    if (!first) command.raw(" ");
    first = false;
    if (label.starts_with('\\')) {
      command.raw(label);  // of the system: a flag on the wire
    } else {
      command.mailbox(wire_name(label, session.utf8_names()), session.capabilities(), session.utf8_names());
    }
  }
  command.raw(")");
  return command;
}

}  // namespace

std::string store_labels(Connection& connection, const std::string& wire, storage::Uid uid,
                         const std::vector<std::string>& labels, bool& broken) {
  try {
    Completion end = select_folder(connection, wire, true);
    if (end.ok()) end = connection.session.run(label_command(connection.session, uid, labels));
    if (end.ok()) return {};
    return refused(end, "").text;
  } catch (const mail::Failure& failure) {
    broken = failure.scope() != mail::FailureScope::kAccount;
    return failure.text();
  }
}

}  // namespace mailstead::imap
