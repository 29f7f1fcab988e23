// The deliveries not yet done, with their attempts. Durable; leased in memory by the one dispatcher of the process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "storage/acceptance.h"
#include "storage/types.h"

namespace mailstead::storage {

struct QueuedDelivery {
  DeliveryId id = 0;
  MessageId message = 0;
  ContentId content = 0;
  mail::ByteCount size = 0;
  std::string destination;
  std::string sender;
  std::vector<std::string> recipients;  // those still to be done
  std::string folder;
  mail::Flags flags;
  mail::WallTime internal_date;
  mail::WallTime created;
  mail::WallTime next_attempt;
  unsigned attempts = 0;
  bool answer_lost = false;               // an attempt was begun and no end of it recorded (the window of RFC 1047)
  std::string last_error;                 // printable
  std::string message_id, from, subject;  // of the message, for listings
};

struct RecipientOutcome {
  enum class State { kDelivered, kDeferred, kFailed };
  std::string recipient;  // "" where the destination has none
  State state = State::kDelivered;
  std::string reply;  // the remote's words, printable, ≤ mail::kMaxRemoteText
};

// How an undeliverable message is kept: the report and the message, in a mailbox of ours.
struct ReturnTo {
  NewContent report;
  NewPlacement report_placement;   // its `content` is not used
  NewPlacement message_placement;  // of the delivery's own content
};

// Thread-safe; writing calls return when durable. Throws Failure(kStorage, kProcess).
class Queue {
 public:
  virtual ~Queue() = default;

  // Due at `now`, oldest first, at most `limit`, without those in `except`.
  [[nodiscard]] virtual std::vector<QueuedDelivery> due(mail::WallTime now, std::size_t limit,
                                                        const std::vector<DeliveryId>& except) const = 0;
  // When the next one is due; nullopt: the queue is empty.
  [[nodiscard]] virtual std::optional<mail::WallTime> next_due() const = 0;
  [[nodiscard]] virtual std::vector<QueuedDelivery> list() const = 0;
  [[nodiscard]] virtual std::optional<QueuedDelivery> find(DeliveryId id) const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;

  // Recorded before the remote could take the message.
  virtual void begin_attempt(DeliveryId id, mail::WallTime now) = 0;
  // The end of an attempt. Delivered and failed recipients leave the delivery for good (I3); when none remain the
  // delivery is gone, else it waits until `next_attempt`. `returned` is set when failed recipients are to be reported.
  // Each outcome becomes a history event with its reply.
  virtual void end_attempt(DeliveryId id, mail::WallTime now, const std::vector<RecipientOutcome>& outcomes,
                           mail::WallTime next_attempt, const std::optional<ReturnTo>& returned) = 0;
  // queue retry / queue drop. drop without `returned` is the user's own explicit discard; it is written to the history.
  [[nodiscard]] virtual bool retry_at(DeliveryId id, mail::WallTime when) = 0;
  [[nodiscard]] virtual bool drop(DeliveryId id, mail::WallTime now, const std::string& why) = 0;
  // Runs `changed` (any thread, must not block) when a delivery was added or made due earlier. One listener.
  virtual void on_change(std::function<void()> changed) = 0;
};

}  // namespace mailstead::storage
