#include "connectors/imap/server/quota.h"

namespace mailstead::imap {
namespace {

constexpr mail::ByteCount kUnit = 1024;  // of STORAGE, RFC 9208 §5.1

struct Kept {
  mail::ByteCount octets = 0;
  std::uint64_t messages = 0;
};

Kept kept_by(const Conversation& session) {
  Kept kept;
  for (const auto& mailbox : session.mail().mailboxes(session.user)) {
    kept.octets += mailbox.bytes;
    kept.messages += mailbox.messages;
  }
  return kept;
}

}  // namespace

void append_quota(const Conversation& session, std::string& out) {
  const Quota quota = session.quota();
  const Kept kept = kept_by(session);
  out += "* QUOTA \"\" (";
  if (quota.octets)
    out += "STORAGE " + std::to_string((kept.octets + kUnit - 1) / kUnit) + ' ' + std::to_string(*quota.octets / kUnit);
  if (quota.messages) {
    if (quota.octets) out += ' ';
    out += "MESSAGE " + std::to_string(kept.messages) + ' ' + std::to_string(*quota.messages);
  }
  out += ")\r\n";
}

std::optional<Answer> over_quota(const Conversation& session, mail::ByteCount octets, std::uint64_t messages,
                                 mail::ByteCount freed) {
  const Quota quota = session.quota();
  if (!quota.octets && !quota.messages) return std::nullopt;
  const Kept kept = kept_by(session);
  const bool too_large = quota.octets && kept.octets + octets > *quota.octets + freed && octets > freed;
  const bool too_many = quota.messages && messages > 0 && kept.messages + messages > *quota.messages;
  if (!too_large && !too_many) return std::nullopt;
  return no("[OVERQUOTA] That is more than you may keep here.");
}

}  // namespace mailstead::imap
