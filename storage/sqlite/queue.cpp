#include "storage/sqlite/queue.h"

#include "mail/limits.h"
#include "storage/ledger.h"
#include "storage/packing.h"
#include "storage/sqlite/acceptor.h"

#include <algorithm>
#include <unordered_set>

namespace mailstead::storage::sqlite {
namespace {

// As read_delivery() takes it.
#define MAILSTEAD_SELECT_DELIVERY                                                                                    \
  "SELECT d.id, d.message, d.content, c.size, d.destination, d.sender, d.recipients, d.folder, d.flags, d.keywords," \
  " d.internal_date, d.created, d.next_attempt, d.attempts, d.begun OR d.answer_lost, d.last_error, m.message_id,"   \
  " m.sender, m.subject, d.held, d.warned, d.crashes FROM deliveries d JOIN contents c ON c.id = d.content"          \
  " JOIN messages m ON m.id = d.message "

QueuedDelivery read_delivery(const Query& row) {
  QueuedDelivery delivery;
  delivery.id = row.integer(0);
  delivery.message = row.integer(1);
  delivery.content = row.integer(2);
  delivery.size = row.number<mail::ByteCount>(3);
  delivery.destination = row.string(4);
  delivery.sender = row.string(5);
  delivery.recipients = unpack_strings(row.blob(6));
  delivery.folder = row.string(7);
  delivery.flags.system = row.number<std::uint8_t>(8);
  delivery.flags.keywords = split_words(row.text(9));
  delivery.internal_date = row.time(10);
  delivery.created = row.time(11);
  delivery.next_attempt = row.time(12);
  delivery.attempts = row.number<unsigned>(13);
  delivery.answer_lost = row.integer(14) != 0;
  delivery.last_error = row.string(15);
  delivery.message_id = row.string(16);
  delivery.from = row.string(17);
  delivery.subject = row.string(18);
  delivery.held = row.integer(19) != kNotHeld;
  delivery.quarantined = row.integer(19) == kInQuarantine;
  delivery.warned = row.integer(20) != 0;
  delivery.crashes = row.number<unsigned>(21);
  return delivery;
}

// What a command needs of the row that it changes.
struct Pending {
  MessageId message = 0;
  ContentId content = 0;
  std::string destination;
  std::vector<std::string> recipients;
};

std::optional<Pending> find_pending(WriteContext& context, DeliveryId id) {
  Query query = context.db.query("SELECT message, content, destination, recipients FROM deliveries WHERE id = ?1");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return Pending{query.integer(0), query.integer(1), query.string(2), unpack_strings(query.blob(3))};
}

void erase(WriteContext& context, DeliveryId id, ContentId content) {
  context.db.query("DELETE FROM deliveries WHERE id = ?1").bind(id).run();
  context.contents.loosen(content);
}

std::string_view cut(std::string_view reply) {
  return reply.substr(0, mail::kMaxRemoteText);
}

void tell(WriteContext& context, const Pending& pending, mail::WallTime now, const RecipientOutcome& outcome) {
  std::string text = pending.destination;
  if (!outcome.recipient.empty()) text += " " + outcome.recipient;
  switch (outcome.state) {
    case RecipientOutcome::State::kDelivered: text += " took it"; break;
    case RecipientOutcome::State::kDeferred: text += " not yet"; break;
    case RecipientOutcome::State::kFailed: text += " refused it for good"; break;
  }
  if (!outcome.reply.empty()) text.append(": ").append(cut(outcome.reply));
  bool delivered = outcome.state == RecipientOutcome::State::kDelivered;
  context.messages.add_event(pending.message, now, delivered ? "delivered" : "attempt", text);
}

// Removes the recipients that are done with; whether the whole delivery is.
bool settle(std::vector<std::string>& recipients, const std::vector<RecipientOutcome>& outcomes) {
  bool had_recipients = !recipients.empty();
  bool whole = false;
  for (const RecipientOutcome& outcome : outcomes) {
    if (outcome.state == RecipientOutcome::State::kDeferred) continue;
    if (outcome.recipient.empty()) whole = true;
    std::erase(recipients, outcome.recipient);
  }
  return whole || (had_recipients && recipients.empty());
}

void give_back(WriteContext& context, const Pending& pending, mail::WallTime now, const ReturnTo& returned) {
  if (returned.report.bytes != nullptr) {
    ContentId report = context.contents.keep(returned.report);
    place(context, returned.report_placement, report, returned.report.bytes->size(), pending.message);
  }
  mail::ByteCount size = context.contents.size(pending.content).value_or(0);
  place(context, returned.message_placement, pending.content, size, pending.message);
  context.messages.add_event(pending.message, now, "returned",
                             "to " + returned.message_placement.user + "/" + returned.message_placement.folder);
}

void warn(WriteContext& context, const Pending& pending, mail::WallTime now, const Notice& warning) {
  ContentId content = context.contents.keep(warning.content);
  place(context, warning.placement, content, warning.content.bytes->size(), pending.message);
  context.messages.add_event(pending.message, now, "delayed",
                             pending.destination + " has not taken it so far: reported to " + warning.placement.user +
                                 "/" + warning.placement.folder);
}

}  // namespace

void QueueNotice::set(std::function<void()> changed) {
  std::lock_guard lock(mutex_);
  changed_ = changed ? std::make_shared<const std::function<void()>>(std::move(changed)) : nullptr;
}

void QueueNotice::announce() const {
  std::shared_ptr<const std::function<void()>> changed;
  {
    std::lock_guard lock(mutex_);
    changed = changed_;
  }
  if (changed != nullptr) (*changed)();
}

std::vector<QueuedDelivery> SqliteQueue::due(const std::string& destination, mail::WallTime now, std::size_t limit,
                                             const std::vector<DeliveryId>& except) const {
  std::unordered_set<DeliveryId> left_out(except.begin(), except.end());
  std::vector<QueuedDelivery> found;
  auto db = database_.readers.lend();
  Query query = db->query(MAILSTEAD_SELECT_DELIVERY
                          "WHERE d.destination = ?1 AND d.held = 0 AND d.next_attempt <= ?2"
                          " ORDER BY d.next_attempt, d.id");
  query.bind(destination, now);
  while (found.size() < limit && query.next()) {
    if (!left_out.contains(query.integer(0))) found.push_back(read_delivery(query));
  }
  return found;
}

std::optional<mail::WallTime> SqliteQueue::next_due(const std::string& destination) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT min(next_attempt) FROM deliveries WHERE destination = ?1 AND held = 0");
  query.bind(destination);
  if (!query.next() || query.null(0)) return std::nullopt;
  return query.time(0);
}

// From one name to the next, by the index: their number counts, not that of the deliveries.
std::vector<std::string> SqliteQueue::destinations() const {
  std::vector<std::string> names;
  auto db = database_.readers.lend();
  Query query = db->query(
      "WITH RECURSIVE names (name) AS (SELECT min(destination) FROM deliveries UNION ALL"
      " SELECT (SELECT min(destination) FROM deliveries WHERE destination > name) FROM names WHERE name IS NOT NULL)"
      " SELECT name FROM names WHERE name IS NOT NULL");
  while (query.next()) names.push_back(query.string(0));
  return names;
}

std::vector<QueuedDelivery> SqliteQueue::list() const {
  std::vector<QueuedDelivery> found;
  auto db = database_.readers.lend();
  Query query = db->query(MAILSTEAD_SELECT_DELIVERY "ORDER BY d.id");
  while (query.next()) found.push_back(read_delivery(query));
  return found;
}

std::optional<QueuedDelivery> SqliteQueue::find(DeliveryId id) const {
  auto db = database_.readers.lend();
  Query query = db->query(MAILSTEAD_SELECT_DELIVERY "WHERE d.id = ?1");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return read_delivery(query);
}

std::size_t SqliteQueue::size() const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT count(*) FROM deliveries");
  return query.next() ? query.number<std::size_t>(0) : 0;
}

std::size_t SqliteQueue::waiting(const std::string& destination) const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT count(*) FROM deliveries WHERE destination = ?1");
  query.bind(destination);
  return query.next() ? query.number<std::size_t>(0) : 0;
}

void SqliteQueue::begin_attempt(DeliveryId id, mail::WallTime) {
  database_.write([&](WriteContext& context) {
    // An attempt that never got its end stays in doubt whatever later ones say.
    context.db
        .query(
            "UPDATE deliveries SET answer_lost = answer_lost OR begun, begun = 1, attempts = attempts + 1"
            " WHERE id = ?1")
        .bind(id)
        .run();
  });
}

void SqliteQueue::end_attempt(DeliveryId id, mail::WallTime now, const AttemptOutcome& outcome) {
  database_.write([&](WriteContext& context) {
    std::optional<Pending> pending = find_pending(context, id);
    if (!pending) return;
    std::string last_error;
    for (const RecipientOutcome& recipient : outcome.recipients) {
      tell(context, *pending, now, recipient);
      if (recipient.state != RecipientOutcome::State::kDelivered) last_error = cut(recipient.reply);
    }
    if (outcome.returned) give_back(context, *pending, now, *outcome.returned);
    if (settle(pending->recipients, outcome.recipients)) return erase(context, id, pending->content);
    if (outcome.warning) warn(context, *pending, now, *outcome.warning);
    if (!outcome.quarantine.empty()) {
      last_error = cut(outcome.quarantine);
      context.messages.add_event(pending->message, now, "held",
                                 "in quarantine for " + pending->destination + ": " + last_error);
    }
    context.db
        .query(
            "UPDATE deliveries SET attempts = attempts + (begun = 0), begun = 0, recipients = ?2, next_attempt = ?3,"
            " last_error = ?4, warned = warned OR ?5, held = max(held, ?6) WHERE id = ?1")
        .bind(id, Blob{pack(pending->recipients)}, outcome.next_attempt, last_error, outcome.warning ? 1 : 0,
              outcome.quarantine.empty() ? kNotHeld : kInQuarantine)
        .run();
  });
}

bool SqliteQueue::retry_at(DeliveryId id, mail::WallTime when) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    context.db.query("UPDATE deliveries SET next_attempt = ?2 WHERE id = ?1").bind(id, when).run();
    found = context.db.changes() > 0;
    context.queue_changed = context.queue_changed || found;
  });
  return found;
}

std::optional<QueuedDelivery> SqliteQueue::note_crash(DeliveryId id, mail::WallTime now, mail::WallTime next_attempt,
                                                      const std::string& why) {
  database_.write([&](WriteContext& context) {
    std::optional<Pending> pending = find_pending(context, id);
    if (!pending) return;
    context.db
        .query(
            "UPDATE deliveries SET crashes = crashes + 1, held = max(held, crashes + 1 >= ?2), next_attempt = ?3,"
            " last_error = ?4 WHERE id = ?1")
        .bind(id, kPoisonAttempts, next_attempt, cut(why))
        .run();
    context.messages.add_event(pending->message, now, "crashed", pending->destination + ": " + std::string(cut(why)));
  });
  return find(id);
}

template <typename Change>
std::vector<DeliveryId> SqliteQueue::change(const std::vector<DeliveryId>& ids, Change change) {
  std::vector<DeliveryId> missing;
  database_.write([&](WriteContext& context) {
    missing.clear();
    for (DeliveryId id : ids) {
      if (std::optional<Pending> pending = find_pending(context, id)) {
        change(context, id, *pending);
      } else {
        missing.push_back(id);
      }
    }
    context.queue_changed = context.queue_changed || missing.size() < ids.size();
  });
  return missing;
}

std::vector<DeliveryId> SqliteQueue::retry_now(const std::vector<DeliveryId>& ids, mail::WallTime now) {
  return change(ids, [&](WriteContext& context, DeliveryId id, const Pending&) {
    context.db
        .query(
            "UPDATE deliveries SET created = CASE WHEN held = 0 THEN created ELSE ?2 END, held = 0, crashes = 0,"
            " next_attempt = ?2 WHERE id = ?1")
        .bind(id, now)
        .run();
  });
}

std::vector<DeliveryId> SqliteQueue::hold(const std::vector<DeliveryId>& ids, mail::WallTime now) {
  return change(ids, [&](WriteContext& context, DeliveryId id, const Pending& pending) {
    context.db.query("UPDATE deliveries SET held = max(held, 1) WHERE id = ?1").bind(id).run();
    context.messages.add_event(pending.message, now, "held", "in the queue for " + pending.destination);
  });
}

std::vector<DeliveryId> SqliteQueue::release(const std::vector<DeliveryId>& ids, mail::WallTime now) {
  return change(ids, [&](WriteContext& context, DeliveryId id, const Pending& pending) {
    context.db
        .query(
            "UPDATE deliveries SET created = CASE WHEN held = 0 THEN created ELSE ?2 END, held = 0, crashes = 0"
            " WHERE id = ?1")
        .bind(id, now)
        .run();
    context.messages.add_event(pending.message, now, "released", "in the queue for " + pending.destination);
  });
}

bool SqliteQueue::place(DeliveryId id, const NewPlacement& placement, mail::WallTime now) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    const std::optional<Pending> pending = find_pending(context, id);
    found = pending.has_value();
    if (!found) return;
    const mail::ByteCount size = context.contents.size(pending->content).value_or(0);
    sqlite::place(context, placement, pending->content, size, pending->message);
    context.messages.add_event(pending->message, now, "released", "to " + placement.user + "/" + placement.folder);
    erase(context, id, pending->content);
  });
  return found;
}

std::vector<DeliveryId> SqliteQueue::drop(const std::vector<DeliveryId>& ids, mail::WallTime now,
                                          const std::string& why) {
  return change(ids, [&](WriteContext& context, DeliveryId id, const Pending& pending) {
    std::string text = "dropped from the queue for " + pending.destination;
    if (!why.empty()) text += ": " + why;
    context.messages.add_event(pending.message, now, "discarded", text);
    erase(context, id, pending.content);
  });
}

}  // namespace mailstead::storage::sqlite
