#include "agent/pipeline/intake.h"

#include "agent/crash_note.h"
#include "agent/pipeline/plan.h"
#include "agent/pipeline/rule_memory.h"
#include "mail/ascii.h"
#include "mail/digest.h"
#include "mail/escape.h"
#include "mail/failpoint.h"

#include <algorithm>
#include <utility>

namespace mailstead::agent {

namespace {

std::optional<mail::WallTime> cleanup_time(const AccountConfig& account, mail::WallTime now) {
  if (account.after_fetch.action == AfterFetch::Do::kKeep) return std::nullopt;
  return now + account.after_fetch.after;
}

std::string where(const storage::SourceRef& source) {
  std::string text = "from account " + source.account;
  if (!source.folder.empty()) text += ", folder " + source.folder;
  text += source.uidl.empty() ? ", UID " + std::to_string(source.uid) : ", UIDL " + source.uidl;
  return mail::printable(text);
}

// A copy for another recipient of a multidrop mailbox is no duplicate: each has a fingerprint of its own.
mail::Sha256 with_recipients(const mail::Sha256& fingerprint, const std::vector<std::string>& recipients) {
  if (recipients.empty()) return fingerprint;
  std::string text = mail::to_hex(fingerprint);
  for (const auto& recipient : recipients) text += '\n' + mail::lowered(recipient);
  return mail::sha256(text);
}

// The recipients a multidrop mailbox's message was found to have, for its history.
std::string recipients_text(const std::vector<std::string>& recipients) {
  constexpr std::size_t kShown = 10;
  if (recipients.empty()) return "no recipient was found where \"envelope\" says they stand";
  const std::size_t shown = std::min(kShown, recipients.size());
  std::string text = "sent to ";
  for (std::size_t i = 0; i < shown; ++i) text += (i > 0 ? ", " : "") + recipients[i];
  if (recipients.size() > shown) text += " and " + std::to_string(recipients.size() - shown) + " more";
  return mail::printable(text);
}

}  // namespace

Intake::Intake(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
               const mail::Clock& clock, IntakeRoom room)
    : store_(store),
      config_(std::move(config)),
      account_(account),
      clock_(clock),
      room_(std::move(room)),
      services_(*config_, &store.content(), room_.stop) {}

Intake::~Intake() {
  // The writer's callbacks refer to this object.
  try {
    store_.acceptor().flush();
  } catch (
      const mail::Failure&) {  // NOLINT(bugprone-empty-catch): flush() has already waited, the failure was reported
  }
  try {
    do_due_work();
  } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): no history can be written; nobody is left to tell
  }
}

void Intake::begin(const retrieval::Incoming& message) {
  do_due_work();
  message_ = message;
  crash_note_ = crash_note_of(message.source);
  incoming_ = store_.content().begin(message.size_hint);
  scanner_.emplace();
}

void Intake::append(std::string_view bytes) {
  const InHand in_hand(crash_note_);
  scanner_->feed(bytes);
  incoming_->append(bytes);
  if (room_.observer != nullptr) room_.observer->received(bytes.size());
}

void Intake::end() {
  const InHand in_hand(crash_note_);
  mail::MessageFacts facts = scanner_->finish();
  std::shared_ptr<const mail::Content> content = incoming_->finish();
  scanner_.reset();
  incoming_.reset();
  MAILSTEAD_FAILPOINT("receive.done");
  {
    std::lock_guard lock(mutex_);
    if (failure_) throw *failure_;
    counts_.bytes += facts.size;
  }

  const mail::WallTime now = clock_.wall();
  const Examined message(std::move(facts), std::move(content), &account_);
  const Origin origin{account_.name, message_.source.folder, message_.flags, message_.internal_date};
  std::shared_ptr<storage::Recollection> recollection = store_.rule_memory().recollect();
  const MemoryInHand memory(*recollection, now);
  const router::Subject subject = message.subject(origin, now, services_, &memory);
  const router::Decision decision = config_->rules->decide(subject);
  for (const std::string& trouble : decision.troubles) warn(trouble);
  if (decision.postponed) throw *decision.postponed;

  storage::Acceptance acceptance;
  acceptance.source = message_.source;
  acceptance.now = now;
  acceptance.internal_date = message_.internal_date;
  acceptance.size = message.facts.size;
  acceptance.fingerprint = with_recipients(message.facts.fingerprint, message.envelope_to);
  acceptance.message_id = message.facts.message_id;
  acceptance.identity = message_.identity;
  acceptance.from = message.listed("From");
  acceptance.subject = message.listed("Subject");
  acceptance.duplicates = config_->duplicates;
  acceptance.cleanup_at = cleanup_time(account_, now);
  std::string received = where(message_.source);
  if (message.multidrop) received += ", " + recipients_text(message.envelope_to);
  acceptance.events.push_back({now, "received", std::move(received)});
  const auto forms = plan_acceptance(*config_, decision, message, acceptance);
  store_.acceptor().accept(
      std::move(acceptance),
      [this, recollection = std::move(recollection), source = message_.source,
       due = due_work(subject, decision, services_.programs, message.content, forms)](const auto& result) mutable {
        recollection.reset();  // the database knows now what there is to know
        settle(source, result, due);
      });
}

void Intake::abort() noexcept {
  scanner_.reset();
  incoming_.reset();
}

void Intake::skipped(const retrieval::Incoming& message, const std::string& reason) {
  store_.ledger().skip(message.source, clock_.wall(), mail::printable(reason));
  std::lock_guard lock(mutex_);
  ++counts_.skipped;
}

void Intake::flush() {
  store_.acceptor().flush();
  do_due_work();
  std::lock_guard lock(mutex_);
  if (failure_) throw *failure_;
}

std::vector<storage::SourceRef> Intake::take_durable() {
  std::lock_guard lock(mutex_);
  return std::exchange(durable_, {});
}

IntakeCounts Intake::counts() const {
  std::lock_guard lock(mutex_);
  return counts_;
}

void Intake::settle(storage::SourceRef source, const std::variant<storage::AcceptReceipt, mail::Failure>& result,
                    const std::vector<DueWork>& due) {
  std::lock_guard lock(mutex_);
  if (const auto* failure = std::get_if<mail::Failure>(&result)) {
    if (!failure_) failure_ = *failure;
    return;
  }
  const auto& receipt = std::get<storage::AcceptReceipt>(result);
  switch (receipt.outcome) {
    case storage::AcceptReceipt::Outcome::kAccepted: ++counts_.accepted; break;
    case storage::AcceptReceipt::Outcome::kDuplicate: ++counts_.duplicates; break;
    case storage::AcceptReceipt::Outcome::kAlreadyRetrieved: ++counts_.known; break;
  }
  if (receipt.outcome == storage::AcceptReceipt::Outcome::kAccepted) {
    for (const DueWork& one : due) {
      due_.push_back(one);
      due_.back().message = receipt.message;
    }
  }
  durable_.push_back(std::move(source));
  if (room_.observer != nullptr) room_.observer->settled(receipt);
}

void Intake::do_due_work() {
  std::vector<DueWork> due;
  {
    std::lock_guard lock(mutex_);
    due.swap(due_);
  }
  for (const DueWork& one : due) do_work(one);
}

// What becomes of it is told, and that is all: the message is where it belongs.
void Intake::do_work(const DueWork& due) {
  WorkEnd end;
  try {
    end = due.work();
  } catch (const mail::Failure& failure) {
    end.words = failure.text();
  }
  const std::string told = due.what + (end.good ? ": " : " failed: ") + end.words;
  if (!end.good) warn(told);
  store_.history().add(due.message, {clock_.wall(), "rule", told});
}

// The same trouble with a thousand messages is one for the log; the history has them all.
void Intake::warn(const std::string& trouble) {
  constexpr std::size_t kMostKinds = 100;
  if (room_.log == nullptr || warned_.size() >= kMostKinds || !warned_.insert(trouble).second) return;
  room_.log->warning("account " + account_.name + ": " + trouble);
}

}  // namespace mailstead::agent
