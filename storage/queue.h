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
  bool held = false;                      // waits for its user: never due
  bool quarantined = false;               // a rule had it held; last_error is the reason
  bool warned = false;                    // its delay was reported
  unsigned crashes = 0;                   // of the agent, over it, since it was last released
  std::string last_error;                 // printable
  std::string message_id, from, subject;  // of the message, for listings
};

struct RecipientOutcome {
  enum class State { kDelivered, kDeferred, kFailed };
  std::string recipient;  // "" where the destination has none
  State state = State::kDelivered;
  std::string reply;  // the remote's words, printable, ≤ mail::kMaxRemoteText
};

// How an undeliverable message is kept: the report, if there is to be one, and the message, in a mailbox of ours.
struct ReturnTo {
  NewContent report;               // without bytes: none
  NewPlacement report_placement;   // its `content` is not used
  NewPlacement message_placement;  // of the delivery's own content
};

// A message of ours for a mailbox of ours.
struct Notice {
  NewContent content;
  NewPlacement placement;  // its `content` is not used
};

// The end of an attempt.
struct AttemptOutcome {
  std::vector<RecipientOutcome> recipients;
  mail::WallTime next_attempt;       // when some remain
  std::optional<ReturnTo> returned;  // set when failed recipients are to be reported
  std::string quarantine;            // why the recipients that remain wait for the user; "" they do not
  std::optional<Notice> warning;     // that the delivery is late; it counts as warned from then on
};

// Thread-safe; writing calls return when durable. Throws Failure(kStorage, kProcess).
class Queue {
 public:
  virtual ~Queue() = default;

  // Those of one destination that are due at `now`, oldest first, at most `limit`, without those in `except`.
  [[nodiscard]] virtual std::vector<QueuedDelivery> due(const std::string& destination, mail::WallTime now,
                                                        std::size_t limit,
                                                        const std::vector<DeliveryId>& except) const = 0;
  // When the next one of the destination is due; nullopt: none will be.
  [[nodiscard]] virtual std::optional<mail::WallTime> next_due(const std::string& destination) const = 0;
  // Which destinations have deliveries, by name.
  [[nodiscard]] virtual std::vector<std::string> destinations() const = 0;
  [[nodiscard]] virtual std::vector<QueuedDelivery> list() const = 0;
  [[nodiscard]] virtual std::optional<QueuedDelivery> find(DeliveryId id) const = 0;
  [[nodiscard]] virtual std::size_t size() const = 0;
  // Of one destination.
  [[nodiscard]] virtual std::size_t waiting(const std::string& destination) const = 0;

  // Recorded before the remote could take the message.
  virtual void begin_attempt(DeliveryId id, mail::WallTime now) = 0;
  // Whether or not it was begun: a session that broke before counts as an attempt, too. Delivered and failed recipients
  // leave the delivery for good (I3); when none remain the delivery is gone. Each outcome becomes a history event with
  // its reply. Of a delivery that was dropped meanwhile nothing is recorded.
  virtual void end_attempt(DeliveryId id, mail::WallTime now, const AttemptOutcome& outcome) = 0;
  // The attempt stays open: its answer was lost. Whether there still is such a delivery.
  [[nodiscard]] virtual bool retry_at(DeliveryId id, mail::WallTime when) = 0;

  // The process crashed over it: tried again at `next_attempt`, held from the kPoisonAttempts-th crash on, with a
  // history event. What became of it; nullopt: there is no such delivery. `why`: printable.
  virtual std::optional<QueuedDelivery> note_crash(DeliveryId id, mail::WallTime now, mail::WallTime next_attempt,
                                                   const std::string& why) = 0;

  // What the user wants of some; each call is one transaction and answers which of them do not exist. Each but
  // retry_now() is written to the history.
  [[nodiscard]] virtual std::vector<DeliveryId> retry_now(const std::vector<DeliveryId>& ids, mail::WallTime now) = 0;
  // Until release() or retry_now(), which forget its crashes, too, and from which on its age counts. What is in
  // quarantine stays there.
  [[nodiscard]] virtual std::vector<DeliveryId> hold(const std::vector<DeliveryId>& ids, mail::WallTime now) = 0;
  [[nodiscard]] virtual std::vector<DeliveryId> release(const std::vector<DeliveryId>& ids, mail::WallTime now) = 0;
  // Places one in a mailbox of ours instead of having it delivered: both in one transaction. Its content is used, that
  // of `placement` is not. False: there is no such delivery.
  [[nodiscard]] virtual bool place(DeliveryId id, const NewPlacement& placement, mail::WallTime now) = 0;
  // The user's own explicit discard.
  [[nodiscard]] virtual std::vector<DeliveryId> drop(const std::vector<DeliveryId>& ids, mail::WallTime now,
                                                     const std::string& why) = 0;
  // Runs `changed` (any thread, must not block) when a delivery was added or made due earlier. One listener.
  virtual void on_change(std::function<void()> changed) = 0;
};

}  // namespace mailstead::storage
