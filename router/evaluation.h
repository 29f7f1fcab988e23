// One decision in hand: the message with what was already read of it, the captures of the rule in hand, the trace.
//
// Decoded header values and addresses are made when first asked for and kept until the decision is done, so that a
// thousand rules on the Subject decode and fold it once.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "mail/address.h"
#include "mail/failure.h"
#include "router/decision.h"
#include "router/subject.h"

namespace mailstead::router {

// A value longer than this is looked at up to here only; that is noted.
inline constexpr std::size_t kMaxValueBytes = 1024 * 1024;

// Text to compare, always valid UTF-8; the folded form is made when first needed.
class Value {
 public:
  explicit Value(std::string text) : text_(std::move(text)) {}
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::string& folded();

 private:
  std::string text_;
  std::optional<std::string> folded_;
};

enum class AddressSource {
  kFrom,
  kTo,
  kCc,
  kSender,
  kReplyTo,
  kAnyRecipient,
  kEnvelopeFrom,
  kEnvelopeTo,
};

struct AddressValues {
  std::vector<Value> whole, local, domain;  // pairwise
};

// What a program made of the message. Its output is text, without the line ends at its end.
struct CommandResult {
  ProgramEnd end;
  Value output;
};

class Evaluation {
 public:
  Evaluation(const Subject& subject, std::vector<std::string>& notes) : subject_(subject), notes_(notes) {}

  [[nodiscard]] const Subject& subject() const noexcept { return subject_; }

  // Every value of that field, in order; the name is in lower case. Lives as long as this object.
  [[nodiscard]] std::vector<Value>& header(const std::string& lower_name);
  // Addresses of the header field or the envelope. An unknown envelope is read from what the last hop wrote down:
  // Return-Path (RFC 5321 §4.4); Delivered-To, X-Original-To, Envelope-To. Recipients are not, where the account says
  // itself where they stand.
  [[nodiscard]] AddressValues& addresses(AddressSource source);
  // Decoded text of all text parts (≤ kMaxValueBytes), and the bytes of the whole message (as much).
  [[nodiscard]] Value& body_text();
  [[nodiscard]] Value& raw();
  // Runs the program unless that was done already. Throws Failure(kTemporary, kMessage) when it did not end by itself.
  [[nodiscard]] CommandResult& command(const mail::ProgramSettings& program);

  // Asks the spam filter unless that was done already. Throws as SpamFilters does where there is no answer.
  [[nodiscard]] const SpamAnswer& spam(const std::string& filter);

  // When an earlier message met the key within the window; if none did, this one has, once it is accepted. Asked once
  // for a key. Throws as Memory does, and where there is none.
  [[nodiscard]] std::optional<mail::WallTime> met(const mail::Sha256& key, std::chrono::seconds window);
  // The same of a sender who was answered; remember() says that it is done now.
  [[nodiscard]] std::optional<mail::WallTime> answered(const mail::Sha256& key, std::chrono::seconds window) const;
  void remember(const mail::Sha256& key, std::chrono::seconds window) { remembered.push_back({key, window}); }

  void note(std::string text);

  // For Decision::remembered.
  std::vector<Remembered> remembered;
  // The groups of the last regular expression that matched in the rule in hand; [0] the whole match.
  std::vector<std::string> captures;
  // The sender to whom the bounce belongs that the last "srs" of the rule in hand found.
  std::string srs_sender;

  // The last verdict of a spam filter that the rule in hand got; null: none. Lives as long as this object.
  const mail::SpamVerdict* spam_verdict = nullptr;

  // Tracing. `saw` is what the test in hand decided by; kept only when somebody asks why.
  void trace_into(std::vector<TestTrace>* rows) noexcept {
    rows_ = rows;
    depth_ = 0;
  }
  [[nodiscard]] bool traces() const noexcept { return rows_ != nullptr; }
  void saw(std::string_view text);
  [[nodiscard]] std::size_t open_row(std::string test);
  void close_row(std::size_t row, bool matched);

 private:
  void add_addresses(AddressValues& into, std::string_view raw_list) const;
  void add_address_fields(AddressValues& into, std::initializer_list<std::string_view> names) const;
  void add_envelope_to(AddressValues& into) const;

  const Subject& subject_;
  std::vector<std::string>& notes_;
  std::unordered_map<std::string, std::vector<Value>> headers_;
  std::map<AddressSource, AddressValues> addresses_;
  std::optional<Value> body_, raw_;
  std::deque<std::pair<mail::ProgramSettings, CommandResult>> commands_;
  std::map<std::string, std::variant<SpamAnswer, mail::Failure>> spam_;
  std::map<mail::Sha256, std::optional<mail::WallTime>> met_;
  std::vector<TestTrace>* rows_ = nullptr;
  std::string saw_;
  int depth_ = 0;
};

}  // namespace mailstead::router
