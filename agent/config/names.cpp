#include "agent/config/names.h"

namespace mailstead::agent {

std::string_view name_of(Protocol protocol) noexcept {
  return protocol == Protocol::kImap ? "imap" : "pop3";
}

std::string_view name_of(DestinationConfig::Type type) noexcept {
  using Type = DestinationConfig::Type;
  switch (type) {
    case Type::kMailbox: return "mailbox";
    case Type::kSmtp: return "smtp";
    case Type::kLmtp: return "lmtp";
    case Type::kImap: return "imap";
    case Type::kMaildir: return "maildir";
    case Type::kMbox: return "mbox";
    case Type::kPipe: return "pipe";
    case Type::kGmail: return "gmail";
    case Type::kWebhook: return "webhook";
  }
  return "mailbox";
}

std::string_view name_of(net::TlsMode mode) noexcept {
  for (const auto& [name, value] : kTlsModes)
    if (value == mode) return name;
  return "implicit";
}

std::string_view name_of(AfterFetch::Do action) noexcept {
  switch (action) {
    case AfterFetch::Do::kKeep: return "keep";
    case AfterFetch::Do::kDelete: return "delete";
    case AfterFetch::Do::kSeen: return "seen";
    case AfterFetch::Do::kMove: return "move";
    case AfterFetch::Do::kKeyword: return "keyword";
  }
  return "keep";
}

}  // namespace mailstead::agent
