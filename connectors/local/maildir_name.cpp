#include "connectors/local/maildir_name.h"

#include <algorithm>

#include "mail/digest.h"

namespace mailstead::local {
namespace {

constexpr std::size_t kKeyDigits = 32;  // 128 bits of the digest
constexpr std::size_t kMaxHost = 64;

}  // namespace

std::string delivery_prefix(const delivery::Outgoing& message, const std::string& origin) {
  auto seconds = message.internal_date.time_since_epoch().count();
  // The id alone would repeat in a new data directory of the same origin; the message's own traits keep that apart.
  std::string identity = origin;
  for (const auto& trait : {std::to_string(message.id), std::to_string(seconds),
                            std::to_string(message.content->size()), message.message_id}) {
    identity.push_back('\0');
    identity += trait;
  }
  auto key = mail::to_hex(mail::sha256(identity)).substr(0, kKeyDigits);
  return std::to_string(std::max<decltype(seconds)>(seconds, 0)) + ".Q" + key + ".";
}

std::string base_name(const std::string& prefix, const std::string& host_name) {
  std::string name = prefix;
  for (char c : host_name.empty() ? std::string("localhost") : host_name.substr(0, kMaxHost)) {
    auto octet = static_cast<unsigned char>(c);
    if (c == '/') {
      name += "\\057";
    } else if (c == ':') {
      name += "\\072";
    } else {
      name += octet <= 0x20 || octet >= 0x7f || c == ',' ? '_' : c;
    }
  }
  return name;
}

std::string flags_suffix(const mail::Flags& flags) {
  std::string letters;
  if (flags.has(mail::kDraft)) letters += 'D';
  if (flags.has(mail::kFlagged)) letters += 'F';
  if (flags.has_keyword("$Forwarded")) letters += 'P';
  if (flags.has(mail::kAnswered)) letters += 'R';
  if (flags.has(mail::kSeen)) letters += 'S';
  if (flags.has(mail::kDeleted)) letters += 'T';
  return letters.empty() ? "" : ":2," + letters;
}

}  // namespace mailstead::local
