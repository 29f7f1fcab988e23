#include "connectors/imap/server/conversation.h"

namespace mailstead::imap {

std::string Conversation::capabilities() const {
  std::string words = "IMAP4rev1 IMAP4rev2 LITERAL+ SASL-IR ID IDLE";
  if (user.empty()) {
    if (may_start_tls()) words += " STARTTLS";
    if (!cleartext_allowed()) words += " LOGINDISABLED";
    for (const std::string& mechanism : sasl::server_mechanisms(offer())) words += " AUTH=" + mechanism;
    return words;
  }
  words +=
      " NAMESPACE CHILDREN SPECIAL-USE LIST-EXTENDED LIST-STATUS UIDPLUS MOVE UNSELECT ENABLE ESEARCH SEARCHRES WITHIN"
      " STATUS=SIZE BINARY PREVIEW SAVEDATE REPLACE MULTIAPPEND CREATE-SPECIAL-USE OBJECTID UTF8=ACCEPT CONDSTORE "
      "QRESYNC SORT SORT=DISPLAY "
      "THREAD=ORDEREDSUBJECT THREAD=REFERENCES APPENDLIMIT=";
  words += std::to_string(context.max_append);
  const Quota limits = quota();
  if (limits.octets || limits.messages) words += " QUOTA";
  if (limits.octets) words += " QUOTA=RES-STORAGE";
  if (limits.messages) words += " QUOTA=RES-MESSAGE";
  return compressed ? words : words + " COMPRESS=DEFLATE";
}

bool Conversation::judge(const std::string& claimed, bool good) {
  const auto wait = context.door.judge(caller(), claimed, good);
  if (wait) hold = *wait;
  return wait.has_value();
}

Answer Conversation::sign_in(const sasl::Identity& identity) {
  switch (context.door.admit(context.keys, identity, wake, place)) {
    case sasl::Doorkeeper::Answer::kEntered: break;
    case sasl::Doorkeeper::Answer::kRevoked: return refuse_sign_in();
    case sasl::Doorkeeper::Answer::kTooMany: return no("[LIMIT] Too many connections of this user.");
  }
  user = identity.user;
  bindings = {};
  certificate_names = {};
  return ok("[CAPABILITY " + capabilities() + "] Logged in.");
}

void Conversation::count_failure() {
  if (++failed_logins < kMaxFailedLogins) return;
  farewell = "* BYE Too many failed sign-ins.\r\n";
  closing = true;
}

Answer Conversation::refuse_for_now() {
  count_failure();
  return no("[UNAVAILABLE] Too many failed sign-ins, try again later.");
}

Answer Conversation::refuse_sign_in() {
  count_failure();
  return no("[AUTHENTICATIONFAILED] Authentication failed.");
}

void Conversation::use_modseq(std::string& output) {
  if (enabled.condstore) return;
  enabled.condstore = true;
  if (selected) view().append_highest_modseq(output);
}

Answer refusal(storage::MailboxAnswer answer) {
  using storage::MailboxAnswer;
  switch (answer) {
    case MailboxAnswer::kDone: break;
    case MailboxAnswer::kNoSuchMailbox: return no("[NONEXISTENT] No such mailbox.");
    case MailboxAnswer::kExists: return no("[ALREADYEXISTS] A mailbox of that name exists.");
    case MailboxAnswer::kInvalidName: return no("[CANNOT] Not a name for a mailbox.");
    case MailboxAnswer::kHasChildren: return no("[HASCHILDREN] The mailbox has others below it.");
    case MailboxAnswer::kNotPermitted: return no("[CANNOT] That is not possible with this mailbox.");
    case MailboxAnswer::kLimit: return no("[LIMIT] A limit of the server was reached.");
  }
  return ok("Done.");
}

Answer refusal(const mail::Failure& failure) {
  switch (failure.kind()) {
    case mail::FailureKind::kProtocol: return bad(failure.text());
    case mail::FailureKind::kLimit:
      // Of the syntax (nesting) when it concerns the session; of the store (quota, disk) otherwise.
      if (failure.scope() == mail::FailureScope::kSession) return bad("[LIMIT] " + failure.text());
      return no("[LIMIT] " + failure.text());
    case mail::FailureKind::kPermanent:
      return no((failure.scope() == mail::FailureScope::kMessage ? "[UNKNOWN-CTE] " : "[SERVERBUG] ") + failure.text());
    case mail::FailureKind::kStorage:
    case mail::FailureKind::kTemporary:
    case mail::FailureKind::kCancelled: return no("[UNAVAILABLE] " + failure.text());
    default: return no("[SERVERBUG] " + failure.text());
  }
}

Answer target_refusal(storage::MailboxAnswer answer) {
  if (answer == storage::MailboxAnswer::kNoSuchMailbox) return no("[TRYCREATE] No such mailbox.");
  return refusal(answer);
}

}  // namespace mailstead::imap
