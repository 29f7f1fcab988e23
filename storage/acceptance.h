// The one transaction by which a message becomes ours: content reference, ledger row, fingerprint, placements,
// deliveries and history, all or nothing (promise 1). Bytes are synced before the transaction that refers to them
// commits.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/types.h"

namespace mailstead::storage {

struct NewContent {
  std::shared_ptr<const mail::Content> bytes;  // from ContentStore::begin/finish, or any other Content
  mail::Sha256 digest{};
  mail::ByteCount header_size = 0;
  std::string structure;  // mail::encode_structure, with envelope
};

struct NewPlacement {
  std::string user;
  std::string folder;  // created when missing
  mail::Flags flags;
  mail::WallTime internal_date;
  std::size_t content = 0;  // index into Acceptance::contents
};

struct NewDelivery {
  std::string destination;              // name in the configuration
  std::string sender;                   // envelope sender; "" is the null sender
  std::vector<std::string> recipients;  // may be empty where the destination needs none
  std::string folder;                   // override for folder destinations; "" none
  mail::Flags flags;
  mail::WallTime internal_date;
  std::size_t content = 0;
  std::string quarantine;  // why it waits for its user from the start; "" it does not
};

struct DuplicateRule {
  enum class Scope { kNone, kAccount, kAll } scope = Scope::kAll;
  std::chrono::seconds window{0};  // a fingerprint older than this is forgotten; 0: never
};

// One line of a message's history. `kind` is a fixed word: received, duplicate, rule, placed, queued, attempt,
// delivered, delayed, returned, held, released, discarded, cleaned, skipped, copy. `text` is for people, already
// printable.
struct HistoryEvent {
  mail::WallTime time;
  std::string kind;
  std::string text;
};

// A key that counts as met from now on (storage/rule_memory.h).
struct Remembered {
  mail::Sha256 key{};
  std::chrono::seconds window{0};  // no longer than this is it asked about
};

struct Acceptance {
  SourceRef source;
  mail::WallTime now;
  mail::WallTime internal_date;
  mail::ByteCount size = 0;
  mail::Sha256 fingerprint{};
  std::string message_id;     // header, "" when missing
  std::string identity;       // the server's own in all its folders (X-GM-MSGID, EMAILID); "" none
  std::string from, subject;  // decoded, for listings
  DuplicateRule duplicates;
  std::vector<NewContent> contents;  // [0] as received, then edited forms; unused ones are not kept
  std::vector<NewPlacement> placements;
  std::vector<NewDelivery> deliveries;
  std::vector<HistoryEvent> events;    // what the rules decided
  std::vector<Remembered> remembered;  // once it is accepted; not of a duplicate
  bool discarded = false;              // a rule said so: neither placement nor delivery is right then
  // The source must be touched after acceptance (delete, seen, move), not before this time; nullopt: keep.
  std::optional<mail::WallTime> cleanup_at;
};

struct AcceptReceipt {
  enum class Outcome { kAccepted, kDuplicate, kAlreadyRetrieved };
  Outcome outcome = Outcome::kAccepted;
  MessageId message = 0;
  MessageId duplicate_of = 0;
};

// Runs on the writer's thread when the acceptance is durable, or with the failure when it is not and nothing of it
// remains. Must not block or throw.
using AcceptDone = std::function<void(const std::variant<AcceptReceipt, mail::Failure>&)>;

// Thread-safe.
class Acceptor {
 public:
  virtual ~Acceptor() = default;
  // Returns at once unless too many bytes wait for the writer; then it waits for room. In order of the calls; commits
  // in groups. An acceptance with neither placement, delivery nor `discarded` is a bug of the caller and is refused
  // (kPermanent, kMessage).
  virtual void accept(Acceptance acceptance, AcceptDone done) = 0;
  // Waits until all that was handed over before is durable or has failed.
  virtual void flush() = 0;
};

// How the history tells where a message goes: "placed", "in alice/INBOX"; "queued", "for relay bob@example.com".
[[nodiscard]] std::vector<HistoryEvent> outcome_events(const Acceptance& acceptance);

}  // namespace mailstead::storage
