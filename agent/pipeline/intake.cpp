#include "agent/pipeline/intake.h"

#include "agent/pipeline/plan.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/header.h"

#include <utility>

namespace mailstead::agent {

namespace {

// Bounds of what is kept of a header for listings; the message itself is kept whole.
constexpr std::size_t kMaxListed = 500;

std::string listed(const mail::HeaderBlock& header, std::string_view name) {
  const auto* field = header.first(name);
  return field == nullptr ? std::string() : mail::printable(mail::decoded_value(*field), kMaxListed);
}

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

}  // namespace

Intake::Intake(storage::Store& store, std::shared_ptr<const Config> config, const AccountConfig& account,
               const mail::Clock& clock, IntakeObserver* observer)
    : store_(store), config_(std::move(config)), account_(account), clock_(clock), observer_(observer) {}

Intake::~Intake() {
  // The writer's callbacks refer to this object.
  try {
    store_.acceptor().flush();
  } catch (
      const mail::Failure&) {  // NOLINT(bugprone-empty-catch): flush() has already waited, the failure was reported
  }
}

void Intake::begin(const retrieval::Incoming& message) {
  message_ = message;
  incoming_ = store_.content().begin(message.size_hint);
  scanner_.emplace();
}

void Intake::append(std::string_view bytes) {
  scanner_->feed(bytes);
  incoming_->append(bytes);
  if (observer_ != nullptr) observer_->received(bytes.size());
}

void Intake::end() {
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
  const auto header = mail::HeaderBlock::parse(facts.header);
  const std::string sender = envelope_sender_of(facts);
  const std::vector<std::string> envelope_to;
  const router::Subject subject{
      facts, header, *content,   account_.name, message_.source.folder, message_.flags, message_.internal_date,
      now,   sender, envelope_to};
  const router::Decision decision = config_->rules->decide(subject);

  storage::Acceptance acceptance;
  acceptance.source = message_.source;
  acceptance.now = now;
  acceptance.internal_date = message_.internal_date;
  acceptance.size = facts.size;
  acceptance.fingerprint = facts.fingerprint;
  acceptance.message_id = facts.message_id;
  acceptance.identity = message_.identity;
  acceptance.from = listed(header, "From");
  acceptance.subject = listed(header, "Subject");
  acceptance.duplicates = config_->duplicates;
  acceptance.cleanup_at = cleanup_time(account_, now);
  acceptance.events.push_back({now, "received", where(message_.source)});
  plan_acceptance(*config_, decision, facts, std::move(content), sender, acceptance);

  store_.acceptor().accept(std::move(acceptance),
                           [this, source = message_.source](const auto& result) { settle(source, result); });
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

void Intake::settle(storage::SourceRef source, const std::variant<storage::AcceptReceipt, mail::Failure>& result) {
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
  durable_.push_back(std::move(source));
  if (observer_ != nullptr) observer_->settled(receipt);
}

}  // namespace mailstead::agent
