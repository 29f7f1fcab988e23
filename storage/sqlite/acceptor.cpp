#include "storage/sqlite/acceptor.h"

#include "storage/mailbox_name.h"
#include "storage/packing.h"
#include "storage/sqlite/queue.h"
#include "storage/sqlite/renumbering.h"
#include "storage/uid_ranges.h"

#include <algorithm>
#include <string>

namespace mailstead::storage::sqlite {
namespace {

mail::Failure refusal(const std::string& text) {
  return {mail::FailureKind::kPermanent, mail::FailureScope::kMessage, text};
}

bool comes_from_imap(const SourceRef& source) {
  return source.uid != 0;
}
bool has_ledger(const SourceRef& source) {
  return source.uid != 0 || !source.uidl.empty();
}

// What can be seen without the database.
void validate(const Acceptance& acceptance) {
  if (acceptance.placements.empty() && acceptance.deliveries.empty() && !acceptance.discarded) {
    throw refusal("an accepted message must be placed, queued or discarded");
  }
  for (const NewContent& content : acceptance.contents) {
    if (content.bytes == nullptr) throw refusal("an accepted message has no bytes");
  }
  for (const NewPlacement& placement : acceptance.placements) {
    if (placement.content >= acceptance.contents.size()) throw refusal("a placement refers to no content");
    if (placement.user.empty()) throw refusal("a placement names no user");
    if (!canonical_mailbox_name(placement.folder)) throw refusal("a placement has an impossible mailbox name");
  }
  for (const NewDelivery& delivery : acceptance.deliveries) {
    if (delivery.content >= acceptance.contents.size()) throw refusal("a delivery refers to no content");
  }
}

std::string describe(const SourceRef& source) {
  std::string text = "from " + source.account;
  if (!source.folder.empty()) text += "/" + source.folder;
  if (source.uid != 0) text += ", UID " + std::to_string(source.uid);
  if (!source.uidl.empty()) text += ", UIDL " + source.uidl;
  return text;
}

struct Original {
  MessageId id = 0;
  std::string account;
};

// One acceptance inside the group's transaction. Each step reads as the one before left the database, so messages of
// one group see each other.
class Accepting {
 public:
  Accepting(WriteContext& context, const Acceptance& acceptance)
      : context_(context),
        acceptance_(acceptance),
        folder_(context.folders.get(acceptance.source.account, acceptance.source.folder)) {}

  AcceptReceipt run() {
    check_validity();
    if (auto known = already_retrieved()) {
      add_cleanup(*known, true);
      return {AcceptReceipt::Outcome::kAlreadyRetrieved, *known, 0};
    }
    if (auto known = retrieved_under_another_number()) {
      return {AcceptReceipt::Outcome::kAlreadyRetrieved, *known, 0};
    }
    if (auto original = find_original()) return keep_as_duplicate(*original);
    return keep();
  }

 private:
  void check_validity() {
    const SourceRef& source = acceptance_.source;
    FolderProgress& progress = folder_.progress;
    if (!comes_from_imap(source) || progress.uid_validity == source.uid_validity) return;
    if (progress.uid_validity != 0) {
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kFolder,
                          "the numbering (UIDVALIDITY) of " + source.folder + " changed while it was read");
    }
    progress.uid_validity = source.uid_validity;
    folder_.changed = true;
  }

  std::optional<MessageId> already_retrieved() {
    const SourceRef& source = acceptance_.source;
    if (comes_from_imap(source)) {
      if (!folder_.progress.done(source.uid) || contains(folder_.progress.skipped, source.uid)) return std::nullopt;
      return 0;
    }
    if (source.uidl.empty()) return std::nullopt;
    Query query = context_.db.query("SELECT message FROM uidls WHERE folder = ?1 AND uidl = ?2 AND NOT skipped");
    query.bind(folder_.id, source.uidl);
    if (!query.next()) return std::nullopt;
    return query.integer(0);
  }

  std::optional<MessageId> retrieved_under_another_number() {
    if (!folder_.progress.matching || !comes_from_imap(acceptance_.source) || !has_fingerprint()) return std::nullopt;
    return adopt_by_fingerprint(context_, folder_, acceptance_.source.uid, acceptance_.fingerprint);
  }

  // The latest message with this fingerprint inside scope and window.
  std::optional<Original> find_original() {
    const DuplicateRule& rule = acceptance_.duplicates;
    if (rule.scope == DuplicateRule::Scope::kNone || !has_fingerprint()) return std::nullopt;
    Query query = context_.db.query(
        "SELECT m.id, f.account FROM messages m JOIN folders f ON f.id = m.folder"
        " WHERE m.fingerprint = ?1 AND m.accepted >= ?2 AND (?3 OR f.account = ?4) ORDER BY m.id DESC LIMIT 1");
    std::int64_t oldest =
        rule.window.count() == 0 ? INT64_MIN : (acceptance_.now - rule.window).time_since_epoch().count();
    query.bind(acceptance_.fingerprint, oldest, rule.scope == DuplicateRule::Scope::kAll, acceptance_.source.account);
    if (!query.next()) return std::nullopt;
    return Original{query.integer(0), query.string(1)};
  }

  // Zeros stand for none.
  bool has_fingerprint() const { return acceptance_.fingerprint != mail::Sha256{}; }

  AcceptReceipt keep_as_duplicate(const Original& original) {
    std::vector<HistoryEvent> events;
    add_received(events);
    events.push_back({acceptance_.now, "duplicate",
                      "of message " + std::to_string(original.id) + ", which came from " + original.account});
    MessageId id = add_message(events, original.id);
    mark_retrieved(id);
    return {AcceptReceipt::Outcome::kDuplicate, id, original.id};
  }

  AcceptReceipt keep() {
    std::vector<HistoryEvent> events;
    add_received(events);
    events.insert(events.end(), acceptance_.events.begin(), acceptance_.events.end());
    const std::vector<HistoryEvent> outcome = outcome_events(acceptance_);
    events.insert(events.end(), outcome.begin(), outcome.end());
    MessageId id = add_message(events, 0);
    std::vector<ContentId> contents(acceptance_.contents.size(), 0);
    for (const NewPlacement& placement : acceptance_.placements) {
      place(context_, placement, content(contents, placement.content),
            acceptance_.contents[placement.content].bytes->size(), id);
    }
    for (const NewDelivery& delivery : acceptance_.deliveries) queue(delivery, content(contents, delivery.content), id);
    for (const Remembered& one : acceptance_.remembered) remember(one);
    mark_retrieved(id);
    return {AcceptReceipt::Outcome::kAccepted, id, 0};
  }

  // Only contents in use are kept.
  ContentId content(std::vector<ContentId>& ids, std::size_t index) {
    if (ids[index] == 0) ids[index] = context_.contents.keep(acceptance_.contents[index]);
    return ids[index];
  }

  void add_received(std::vector<HistoryEvent>& events) const {
    const auto& given = acceptance_.events;
    bool told = std::any_of(given.begin(), given.end(), [](const auto& event) { return event.kind == "received"; });
    if (!told) events.push_back({acceptance_.now, "received", describe(acceptance_.source)});
  }

  // The time counts from the first message: one that is in force stays.
  void remember(const Remembered& one) {
    context_.db
        .query(
            "INSERT INTO remembered (key, met, until) VALUES (?1, ?2, ?3)"
            " ON CONFLICT (key) DO UPDATE SET met = excluded.met, until = max(until, excluded.until)"
            " WHERE met < excluded.met - (excluded.until - excluded.met)")
        .bind(one.key, acceptance_.now, acceptance_.now + one.window)
        .run();
  }

  void remember_identity(MessageId id) {
    if (acceptance_.identity.empty()) return;
    FolderId account = context_.folders.get(acceptance_.source.account, "").id;
    context_.db.query("INSERT OR IGNORE INTO identities (account, identity, message) VALUES (?1, ?2, ?3)")
        .bind(account, acceptance_.identity, id)
        .run();
  }

  MessageId add_message(const std::vector<HistoryEvent>& events, MessageId duplicate_of) {
    std::optional<mail::Sha256> fingerprint;
    std::optional<mail::WallTime> forget;
    if (duplicate_of == 0 && has_fingerprint()) {
      fingerprint = acceptance_.fingerprint;
      if (acceptance_.duplicates.window.count() != 0) forget = acceptance_.now + acceptance_.duplicates.window;
    }
    return context_.messages.add({.folder = folder_.id,
                                  .source = acceptance_.source,
                                  .accepted = acceptance_.now,
                                  .internal_date = acceptance_.internal_date,
                                  .size = acceptance_.size,
                                  .duplicate_of = duplicate_of,
                                  .message_id = acceptance_.message_id,
                                  .from = acceptance_.from,
                                  .subject = acceptance_.subject,
                                  .fingerprint = fingerprint,
                                  .forget = forget,
                                  .events = events});
  }

  void queue(const NewDelivery& delivery, ContentId content, MessageId message) {
    context_.db
        .query(
            "INSERT INTO deliveries (message, content, destination, sender, recipients, folder, flags, keywords,"
            " internal_date, created, next_attempt, held, last_error)"
            " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12)")
        .bind(message, content, delivery.destination, delivery.sender, Blob{pack(delivery.recipients)}, delivery.folder,
              delivery.flags.system, join_words(delivery.flags.keywords), delivery.internal_date, acceptance_.now,
              delivery.quarantine.empty() ? kNotHeld : kInQuarantine, delivery.quarantine)
        .run();
    context_.queue_changed = true;
  }

  void mark_retrieved(MessageId id) {
    const SourceRef& source = acceptance_.source;
    if (comes_from_imap(source)) {
      mark_done(folder_.progress, source.uid);
      remove(folder_.progress.skipped, source.uid);
      folder_.changed = true;
    } else if (!source.uidl.empty()) {
      context_.db.query("INSERT OR REPLACE INTO uidls (folder, uidl, message, skipped) VALUES (?1, ?2, ?3, 0)")
          .bind(folder_.id, source.uidl, id)
          .run();
    }
    if (folder_.troubled) {
      context_.folders.forget_trouble(folder_, source.uid, comes_from_imap(source) ? std::string() : source.uidl);
    }
    remember_identity(id);
    add_cleanup(id, false);
  }

  void add_cleanup(MessageId id, bool may_exist) {
    const SourceRef& source = acceptance_.source;
    if (!acceptance_.cleanup_at || !has_ledger(source)) return;
    Query query = may_exist ? context_.db.query(
                                  "INSERT OR IGNORE INTO cleanups (folder, uid, uidl, message, due)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5)")
                            : context_.db.query(
                                  "INSERT OR REPLACE INTO cleanups (folder, uid, uidl, message, due)"
                                  " VALUES (?1, ?2, ?3, ?4, ?5)");
    query.bind(folder_.id, source.uid, comes_from_imap(source) ? std::string() : source.uidl, id,
               *acceptance_.cleanup_at);
    query.run();
  }

  WriteContext& context_;
  const Acceptance& acceptance_;
  FolderRow& folder_;
};

class AcceptCommand final : public Command {
 public:
  AcceptCommand(Acceptance acceptance, AcceptDone done) : acceptance_(std::move(acceptance)), done_(std::move(done)) {
    for (const NewContent& content : acceptance_.contents) {
      if (content.bytes != nullptr && content.bytes->in_memory()) weight_ += content.bytes->size();
    }
  }
  [[nodiscard]] mail::ByteCount weight() const noexcept override { return weight_; }
  // The caller goes on at once; its flush() is urgent.
  [[nodiscard]] bool urgent() const noexcept override { return false; }
  void apply(WriteContext& context) override {
    validate(acceptance_);
    receipt_ = Accepting(context, acceptance_).run();
  }
  void done(const mail::Failure* failure) noexcept override {
    if (!done_) return;
    if (failure != nullptr) {
      done_(*failure);
    } else {
      done_(receipt_);
    }
  }

 private:
  Acceptance acceptance_;
  AcceptDone done_;
  AcceptReceipt receipt_;
  mail::ByteCount weight_ = 0;
};

}  // namespace

void place(WriteContext& context, const NewPlacement& placement, ContentId content, mail::ByteCount size,
           MessageId message) {
  std::optional<std::string> name = canonical_mailbox_name(placement.folder);
  if (!name) throw refusal("a placement has an impossible mailbox name");
  MailboxRow& row = context.mailboxes.ensure(placement.user, *name);
  Placed placed{.content = content,
                .message = message,
                .flags = placement.flags.system,
                .keywords = context.mailboxes.keyword_set_or_none(row, placement.flags.keywords),
                .internal_date = placement.internal_date,
                .size = size};
  context.mailboxes.place(row, placed, context.mailboxes.next_modseq(placement.user));
}

void SqliteAcceptor::accept(Acceptance acceptance, AcceptDone done) {
  database_.writing().post(std::make_unique<AcceptCommand>(std::move(acceptance), std::move(done)));
}

void SqliteAcceptor::flush() {
  try {
    database_.write([](WriteContext&) {});
  } catch (const mail::Failure&) {
    // Whatever was handed over has been told so; there is nothing of our own that could fail.
  }
}

}  // namespace mailstead::storage::sqlite
