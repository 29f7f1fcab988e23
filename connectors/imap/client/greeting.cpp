#include "connectors/imap/client/refusal.h"
#include "connectors/imap/client/sign_in.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

Greeting read_greeting(Session& session) {
  net::Deadline deadline = session.patience().within(session.timeouts().greeting);
  Response response = parse_response(session.reader().read_line(mail::kMaxLoginLine, deadline));
  std::string text = mail::printable(response.text, mail::kMaxRemoteText);
  if (response.kind != Response::Kind::kStatus) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession, "the server did not greet as an IMAP server does");
  }
  switch (response.status) {
    case Status::kOk:
    case Status::kPreauth: break;
    case Status::kBye: throw goodbye(response.code, text);
    default:
      throw Failure(FailureKind::kProtocol, FailureScope::kSession, "the server did not greet as an IMAP server does");
  }
  // QUIRK: Courier, offlineimap IMAP.py:73: EXAMINE numbers a folder anew each time until somebody has SELECTed it.
  if (text.find("Courier-IMAP") != std::string::npos) session.select_always();
  if (response.has_code("CAPABILITY")) session.capabilities() = Capabilities::parse(response.arguments);
  return {std::move(text), response.status == Status::kPreauth};
}

void require_capabilities(Session& session) {
  if (session.capabilities().known()) return;
  Completion end = session.run(CommandText("CAPABILITY"));
  if (!end.ok() || !session.capabilities().known()) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                  "the server does not say what it can do (CAPABILITY): " + end.text);
  }
}

}  // namespace mailstead::imap
