#include "router/evaluation.h"

#include "mail/charset.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/unicode.h"
#include "router/body_text.h"
#include "router/compiler.h"

#include <algorithm>
#include <iterator>

namespace mailstead::router {
namespace {

constexpr std::size_t kMaxNotes = 100;
constexpr std::size_t kShownValue = 200;

std::string without_final_dot(std::string domain) {
  if (domain.size() > 1 && domain.back() == '.') domain.pop_back();
  return domain;
}

[[noreturn]] void no_answer(const std::string& why) {
  throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kMessage, why);
}

}  // namespace

const std::string& Value::folded() {
  if (!folded_) folded_ = mail::fold_case(text_);
  return *folded_;
}

std::vector<Value>& Evaluation::header(const std::string& lower_name) {
  auto [entry, fresh] = headers_.try_emplace(lower_name);
  if (!fresh) return entry->second;
  for (const mail::HeaderField* field : subject_.header.all(lower_name)) {
    if (field->value.size() <= kMaxValueBytes) {
      entry->second.emplace_back(mail::decoded_value(*field));
      continue;
    }
    note("only the beginning of the field " + mail::printable(lower_name, 80) + " was looked at");
    mail::HeaderField beginning = *field;
    beginning.value = field->value.substr(0, kMaxValueBytes);
    entry->second.emplace_back(mail::decoded_value(beginning));
  }
  return entry->second;
}

void Evaluation::add_addresses(AddressValues& into, std::string_view raw_list) const {
  for (const mail::Address& address : mail::parse_addresses(raw_list)) {
    if (address.kind != mail::Address::Kind::kMailbox) continue;
    std::string local = mail::guess_utf8(address.local);
    std::string domain = without_final_dot(mail::guess_utf8(address.domain));
    into.whole.emplace_back(domain.empty() ? local : local + '@' + domain);
    into.local.emplace_back(std::move(local));
    into.domain.emplace_back(std::move(domain));
  }
}

void Evaluation::add_address_fields(AddressValues& into, std::initializer_list<std::string_view> names) const {
  for (std::string_view name : names)
    for (const mail::HeaderField* field : subject_.header.all(name)) add_addresses(into, field->value);
}

void Evaluation::add_envelope_to(AddressValues& into) const {
  for (const std::string& recipient : subject_.envelope_to) add_addresses(into, recipient);
  if (subject_.envelope_to.empty() && !subject_.envelope_sought)
    add_address_fields(into, {"Delivered-To", "X-Original-To", "Envelope-To"});
}

AddressValues& Evaluation::addresses(AddressSource source) {
  auto [entry, fresh] = addresses_.try_emplace(source);
  AddressValues& found = entry->second;
  if (!fresh) return found;
  switch (source) {
    case AddressSource::kFrom: add_address_fields(found, {"From"}); break;
    case AddressSource::kTo: add_address_fields(found, {"To"}); break;
    case AddressSource::kCc: add_address_fields(found, {"Cc"}); break;
    case AddressSource::kSender: add_address_fields(found, {"Sender"}); break;
    case AddressSource::kReplyTo: add_address_fields(found, {"Reply-To"}); break;
    case AddressSource::kAnyRecipient:
      add_address_fields(found, {"To", "Cc", "Bcc", "Resent-To", "Resent-Cc", "Resent-Bcc", "Apparently-To"});
      add_envelope_to(found);
      break;
    case AddressSource::kEnvelopeFrom:
      if (subject_.envelope_from.empty()) {
        add_address_fields(found, {"Return-Path"});
      } else {
        add_addresses(found, subject_.envelope_from);
      }
      break;
    case AddressSource::kEnvelopeTo: add_envelope_to(found); break;
  }
  return found;
}

Value& Evaluation::body_text() {
  if (!body_) {
    bool whole = true;
    body_.emplace(decoded_body_text(subject_, kMaxValueBytes, whole));
    if (!whole) note("only the beginning of the body was looked at");
  }
  return *body_;
}

Value& Evaluation::raw() {
  if (!raw_) {
    auto size = std::min<mail::ByteCount>(subject_.content.size(), kMaxValueBytes);
    if (size < subject_.content.size()) note("only the beginning of the raw message was looked at");
    raw_.emplace(mail::guess_utf8(mail::read_range(subject_.content, 0, size)));
  }
  return *raw_;
}

CommandResult& Evaluation::command(const mail::ProgramSettings& program) {
  auto found = std::find_if(commands_.begin(), commands_.end(), [&](const auto& one) { return one.first == program; });
  if (found == commands_.end()) {
    if (subject_.programs == nullptr) no_answer("no program can be run here");
    std::string output;
    ProgramEnd end = subject_.programs->ask(program, subject_, output);
    output.resize(output.find_last_not_of("\r\n") + 1);  // npos + 1 is 0
    commands_.emplace_back(program, CommandResult{std::move(end), Value(mail::guess_utf8(output))});
    found = std::prev(commands_.end());
  }
  if (!found->second.end.exited) no_answer(in_quotes(mail::program_text(program)) + " " + found->second.end.words);
  return found->second;
}

const SpamAnswer& Evaluation::spam(const std::string& filter) {
  auto found = spam_.find(filter);
  if (found == spam_.end()) {
    if (subject_.spam_filters == nullptr) no_answer("no spam filter can be asked here");
    try {
      found = spam_.emplace(filter, subject_.spam_filters->judge(filter, subject_)).first;
    } catch (const mail::Failure& failure) {
      if (failure.kind() == mail::FailureKind::kCancelled) throw;
      found = spam_.emplace(filter, failure).first;
    }
  }
  if (const auto* failure = std::get_if<mail::Failure>(&found->second)) throw mail::Failure(*failure);
  const auto& answer = std::get<SpamAnswer>(found->second);
  if (answer.verdict) spam_verdict = &*answer.verdict;
  return answer;
}

std::optional<mail::WallTime> Evaluation::met(const mail::Sha256& key, std::chrono::seconds window) {
  auto found = met_.find(key);
  if (found == met_.end()) {
    if (subject_.memory == nullptr) no_answer("nothing is remembered here");
    found = met_.emplace(key, subject_.memory->met(key, window)).first;
    if (!found->second) remember(key, window);
  }
  return found->second;
}

std::optional<mail::WallTime> Evaluation::answered(const mail::Sha256& key, std::chrono::seconds window) const {
  if (subject_.memory == nullptr) no_answer("nothing is remembered here");
  return subject_.memory->answered(key, window);
}

void Evaluation::note(std::string text) {
  if (notes_.size() >= kMaxNotes || std::find(notes_.begin(), notes_.end(), text) != notes_.end()) return;
  notes_.push_back(std::move(text));
}

void Evaluation::saw(std::string_view text) {
  if (rows_ != nullptr) saw_ = mail::printable(text, kShownValue);
}

std::size_t Evaluation::open_row(std::string test) {
  rows_->push_back({std::move(test), {}, false, depth_});
  saw_.clear();
  ++depth_;
  return rows_->size() - 1;
}

void Evaluation::close_row(std::size_t row, bool matched) {
  --depth_;
  (*rows_)[row].matched = matched;
  (*rows_)[row].saw = std::move(saw_);
  saw_.clear();
}

}  // namespace mailstead::router
