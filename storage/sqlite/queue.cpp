#include "storage/sqlite/queue.h"

#include "mail/limits.h"
#include "storage/packing.h"
#include "storage/sqlite/acceptor.h"

#include <algorithm>
#include <unordered_set>

namespace mailstead::storage::sqlite {
namespace {

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
  ContentId report = context.contents.keep(returned.report);
  place(context, returned.report_placement, report, returned.report.bytes->size(), pending.message);
  mail::ByteCount size = context.contents.size(pending.content).value_or(0);
  place(context, returned.message_placement, pending.content, size, pending.message);
  context.messages.add_event(pending.message, now, "returned",
                             "to " + returned.message_placement.user + "/" + returned.message_placement.folder);
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

std::vector<QueuedDelivery> SqliteQueue::due(mail::WallTime now, std::size_t limit,
                                             const std::vector<DeliveryId>& except) const {
  std::unordered_set<DeliveryId> left_out(except.begin(), except.end());
  std::vector<QueuedDelivery> found;
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT d.id, d.message, d.content, c.size, d.destination, d.sender, d.recipients, d.folder, d.flags, d.keywords,"
      " d.internal_date, d.created, d.next_attempt, d.attempts, d.begun OR d.answer_lost, d.last_error, m.message_id,"
      " m.sender, m.subject FROM deliveries d JOIN contents c ON c.id = d.content JOIN messages m ON m.id = d.message"
      " WHERE d.next_attempt <= ?1 ORDER BY d.next_attempt, d.id");
  query.bind(now);
  while (found.size() < limit && query.next()) {
    if (!left_out.contains(query.integer(0))) found.push_back(read_delivery(query));
  }
  return found;
}

std::optional<mail::WallTime> SqliteQueue::next_due() const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT min(next_attempt) FROM deliveries");
  if (!query.next() || query.null(0)) return std::nullopt;
  return query.time(0);
}

std::vector<QueuedDelivery> SqliteQueue::list() const {
  std::vector<QueuedDelivery> found;
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT d.id, d.message, d.content, c.size, d.destination, d.sender, d.recipients, d.folder, d.flags, d.keywords,"
      " d.internal_date, d.created, d.next_attempt, d.attempts, d.begun OR d.answer_lost, d.last_error, m.message_id,"
      " m.sender, m.subject FROM deliveries d JOIN contents c ON c.id = d.content JOIN messages m ON m.id = d.message"
      " ORDER BY d.id");
  while (query.next()) found.push_back(read_delivery(query));
  return found;
}

std::optional<QueuedDelivery> SqliteQueue::find(DeliveryId id) const {
  auto db = database_.readers.lend();
  Query query = db->query(
      "SELECT d.id, d.message, d.content, c.size, d.destination, d.sender, d.recipients, d.folder, d.flags, d.keywords,"
      " d.internal_date, d.created, d.next_attempt, d.attempts, d.begun OR d.answer_lost, d.last_error, m.message_id,"
      " m.sender, m.subject FROM deliveries d JOIN contents c ON c.id = d.content JOIN messages m ON m.id = d.message"
      " WHERE d.id = ?1");
  query.bind(id);
  if (!query.next()) return std::nullopt;
  return read_delivery(query);
}

std::size_t SqliteQueue::size() const {
  auto db = database_.readers.lend();
  Query query = db->query("SELECT count(*) FROM deliveries");
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

void SqliteQueue::end_attempt(DeliveryId id, mail::WallTime now, const std::vector<RecipientOutcome>& outcomes,
                              mail::WallTime next_attempt, const std::optional<ReturnTo>& returned) {
  database_.write([&](WriteContext& context) {
    std::optional<Pending> pending = find_pending(context, id);
    if (!pending) return;  // dropped meanwhile
    std::string last_error;
    for (const RecipientOutcome& outcome : outcomes) {
      tell(context, *pending, now, outcome);
      if (outcome.state != RecipientOutcome::State::kDelivered) last_error = cut(outcome.reply);
    }
    if (returned) give_back(context, *pending, now, *returned);
    if (settle(pending->recipients, outcomes)) return erase(context, id, pending->content);
    context.db
        .query("UPDATE deliveries SET begun = 0, recipients = ?2, next_attempt = ?3, last_error = ?4 WHERE id = ?1")
        .bind(id, Blob{pack(pending->recipients)}, next_attempt, last_error)
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

bool SqliteQueue::drop(DeliveryId id, mail::WallTime now, const std::string& why) {
  bool found = false;
  database_.write([&](WriteContext& context) {
    std::optional<Pending> pending = find_pending(context, id);
    found = pending.has_value();
    if (!found) return;
    std::string text = "dropped from the queue for " + pending->destination;
    if (!why.empty()) text += ": " + why;
    context.messages.add_event(pending->message, now, "discarded", text);
    erase(context, id, pending->content);
  });
  return found;
}

}  // namespace mailstead::storage::sqlite
