// Identifiers and small values shared by the stores. No SQLite type, no file name: another database fits behind them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "mail/clock.h"
#include "mail/content.h"
#include "mail/digest.h"
#include "mail/failure.h"
#include "mail/flags.h"

namespace mailstead::storage {

using MessageId = std::int64_t;  // one accepted (or discarded, or duplicate) message
using ContentId = std::int64_t;  // distinct bytes
using MailboxId = std::int64_t;
using DeliveryId = std::int64_t;
using Uid = std::uint32_t;     // never 0
using ModSeq = std::uint64_t;  // per user, rising, never 0

struct UidRange {
  Uid first = 0, last = 0;  // both inside
  bool operator==(const UidRange&) const = default;
};

// Where a message was retrieved: IMAP (folder, UIDVALIDITY, UID) or POP3 (uidl, folder empty).
struct SourceRef {
  std::string account;
  std::string folder;
  std::uint32_t uid_validity = 0;
  Uid uid = 0;
  std::string uidl;
  bool operator==(const SourceRef&) const = default;
};

}  // namespace mailstead::storage
