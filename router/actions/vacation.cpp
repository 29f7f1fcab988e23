// {"vacation": TEXT, "addresses": [MINE], "from", "subject", "days", "by"}: whoever wrote to one of these addresses is
// told once in so many days that I am away (RFC 5230), by the rules of RFC 3834: never a list, a machine, myself, nor
// where no answer is wanted. It goes through the queue, with the null sender, to the message's Return-Path. Where the
// message itself goes is for other actions to say.
#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/date.h"
#include "mail/failure.h"
#include "mail/units.h"
#include "router/actions/kinds.h"
#include "router/template.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace mailstead::router {
namespace {

using namespace std::chrono_literals;
using std::string;

constexpr std::uint64_t kUsualDays = 7, kMostDays = 365;
constexpr std::size_t kMaxText = 64UL * 1024;
// Mail that was found late, such as all of a mailbox at its first poll.
constexpr std::chrono::seconds kTooOld = 24h * 3;
constexpr const char* kUsualSubject = "Auto: ${header:Subject}";  // RFC 5230 §4.3

constexpr std::array<const char*, 9> kOfLists = {"list-id",          "list-help",    "list-subscribe",
                                                 "list-unsubscribe", "list-post",    "list-owner",
                                                 "list-archive",     "mailing-list", "x-mailing-list"};
// Local parts behind which nobody reads (RFC 3834 §2, RFC 5230 §4.6; what others of their kind are called).
constexpr std::array<std::string_view, 12> kMachines = {"mailer-daemon", "mailer",    "listserv", "majordomo",
                                                        "noreply",       "no-reply",  "nobody",   "donotreply",
                                                        "do-not-reply",  "autoreply", "bounce",   "bounces"};
constexpr std::array<std::string_view, 5> kMachineEnds = {"-request", "-relay", "-owner", "-bounces", "-noreply"};
constexpr std::array<std::string_view, 4> kMachineBegins = {"owner-", "bounce-", "bounces-", "bounces+"};

bool is_machine(const string& lowered_local) {
  const std::string_view local = lowered_local;
  const auto begins = [&](std::string_view text) { return local.starts_with(text); };
  const auto ends = [&](std::string_view text) { return local.ends_with(text); };
  return std::find(kMachines.begin(), kMachines.end(), local) != kMachines.end() ||
         std::any_of(kMachineEnds.begin(), kMachineEnds.end(), ends) ||
         std::any_of(kMachineBegins.begin(), kMachineBegins.end(), begins);
}

struct VacationSettings {
  string text, from, from_address, destination;
  std::vector<string> addresses;  // case-folded
  std::chrono::seconds days{24h * kUsualDays};
};

class Vacation final : public Action {
 public:
  Vacation(VacationSettings settings, Template subject)
      : settings_(std::move(settings)), subject_(std::move(subject)) {}

  void run(Walk& walk) const override {
    Evaluation& evaluation = walk.evaluation;
    const string sender(evaluation.subject().envelope_from);
    string why = walk.decision.replies.empty() ? reason_against(evaluation, sender) : "it is answered already";
    const mail::Sha256 key = key_for(sender);
    if (why.empty()) why = answered_before(evaluation, key);
    if (!why.empty()) {
      walk.report("vacation: no answer: " + why);
      evaluation.note("rule " + in_quotes(walk.rule) + ": vacation: no answer: " + why);
      return;
    }
    walk.report("vacation: " + sender + " is answered");
    evaluation.note("rule " + in_quotes(walk.rule) + ": vacation: " + sender + " is answered");
    evaluation.remember(key, settings_.days);
    walk.decision.replies.push_back(
        {settings_.destination, settings_.from, sender, subject_.line(evaluation), settings_.text, walk.rule, key});
  }

 private:
  // Why the message must not be answered, whoever was answered before; "" when it may be.
  [[nodiscard]] string reason_against(Evaluation& evaluation, const string& sender) const {
    const Subject& subject = evaluation.subject();
    if (sender.empty())
      return evaluation.header("return-path").empty() ? "it has no Return-Path" : "its sender is null or no address";
    if (const auto age = subject.now - subject.internal_date; age > kTooOld)
      return "it arrived " + mail::format_duration(std::chrono::duration_cast<std::chrono::hours>(age)) + " ago";
    const auto& from = evaluation.addresses(AddressSource::kEnvelopeFrom);
    if (from.local.empty() || is_machine(mail::lowered(from.local.front().text()))) return sender + " is a machine";
    for (AddressSource source : {AddressSource::kFrom, AddressSource::kSender, AddressSource::kReplyTo})
      for (const Value& local : evaluation.addresses(source).local)
        if (is_machine(mail::lowered(local.text()))) return local.text() + " is a machine";
    for (AddressSource source : {AddressSource::kEnvelopeFrom, AddressSource::kFrom})
      for (Value& address : evaluation.addresses(source).whole)
        if (is_mine(address)) return "it is from " + address.text() + ", an address of mine";
    if (string why = sent_by_machine(evaluation); !why.empty()) return why;
    if (!is_to_me(evaluation)) return "none of my addresses is among its recipients";
    return {};
  }

  static string sent_by_machine(Evaluation& evaluation) {
    for (const char* name : kOfLists)
      if (!evaluation.header(name).empty()) return string("it came over a list (") + name + ")";
    for (const Value& value : evaluation.header("precedence")) {
      const string word = mail::lowered(mail::trim(value.text()));
      if (word == "bulk" || word == "junk" || word == "list") return "it is bulk (precedence: " + word + ")";
    }
    for (const Value& value : evaluation.header("auto-submitted")) {
      const string word = mail::lowered(value.text());
      if (mail::trim(std::string_view(word).substr(0, word.find_first_of(";("))) != "no")
        return "it was sent by a machine (auto-submitted: " + word + ")";
    }
    // Microsoft's, [MS-OXCMAIL].
    for (const Value& value : evaluation.header("x-auto-response-suppress")) {
      const string word = mail::lowered(value.text());
      for (const char* kind : {"all", "oof", "autoreply"})
        if (word.find(kind) != string::npos)
          return "its sender wants no answer (x-auto-response-suppress: " + word + ")";
    }
    for (const Value& value : evaluation.header("content-type"))
      if (mail::lowered(value.text()).starts_with("multipart/report")) return "it is a report of a delivery";
    return {};
  }

  [[nodiscard]] bool is_mine(Value& address) const {
    return std::find(settings_.addresses.begin(), settings_.addresses.end(), address.folded()) !=
           settings_.addresses.end();
  }
  // In a field that says so, not in the envelope: to all others it was a copy that they need not be told of (RFC 5230
  // §4.5).
  [[nodiscard]] bool is_to_me(Evaluation& evaluation) const {
    for (const char* name : {"to", "cc", "bcc", "resent-to", "resent-cc", "resent-bcc"})
      for (const mail::HeaderField* field : evaluation.subject().header.all(name))
        for (const mail::Address& one : mail::parse_addresses(field->value)) {
          Value address(one.addr_spec());
          if (one.kind == mail::Address::Kind::kMailbox && is_mine(address)) return true;
        }
    return false;
  }

  // Another text is another answer (RFC 5230 §4.2).
  [[nodiscard]] mail::Sha256 key_for(const string& sender) const {
    Value folded(sender);
    return mail::sha256("vacation\n" + settings_.from + '\n' + subject_.written() + '\n' + settings_.text + '\n' +
                        folded.folded());
  }
  [[nodiscard]] string answered_before(Evaluation& evaluation, const mail::Sha256& key) const {
    try {
      const auto when = evaluation.answered(key, settings_.days);
      return when ? "its sender was answered on " + mail::format_date(*when) : string();
    } catch (const mail::Failure& failure) {
      if (failure.kind() == mail::FailureKind::kCancelled) throw;
      return failure.text();
    }
  }

  VacationSettings settings_;
  Template subject_;
};

string compile_text(const nlohmann::json& object, Compiler& compiler) {
  auto at = compiler.step("vacation");
  string text = compiler.text(*object.find("vacation")).value_or("");
  if (text.size() > kMaxText) compiler.problem("the text of an answer has at most 64KB");
  if (text.find('\0') != string::npos) compiler.problem("contains a NUL");
  return text;
}

std::vector<string> compile_mine(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("addresses");
  if (found == object.end()) {
    compiler.problem("a \"vacation\" needs \"addresses\"",
                     "write your own: only mail that names one of them is answered, and yourself never");
    return {};
  }
  auto at = compiler.step("addresses");
  std::vector<string> addresses = compiler.texts(*found);
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    auto at_item = compiler.item(*found, i);
    if (!mail::is_envelope_address(addresses[i])) compiler.problem(in_quotes(addresses[i]) + " is no mail address");
  }
  return addresses;
}

// `"Alice" <alice@example.org>`, as it may stand in the field; without it the first of mine.
void compile_from(const nlohmann::json& object, VacationSettings& made, Compiler& compiler) {
  auto found = object.find("from");
  if (found == object.end()) {
    made.from = made.addresses.empty() ? "" : made.addresses.front();
    return;
  }
  auto at = compiler.step("from");
  const auto written = compiler.text(*found);
  if (!written) return;
  const auto parsed = mail::parse_addresses(*written);
  if (parsed.size() != 1 || !mail::is_envelope_address(parsed.front().addr_spec()))
    return compiler.problem(in_quotes(*written) + " is no mail address",
                            "write alice@example.org, or Alice <alice@example.org>");
  made.from = mail::format_address(parsed.front());
}

std::chrono::seconds compile_days(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("days");
  if (found == object.end()) return 24h * kUsualDays;
  auto at = compiler.step("days");
  if (found->is_number_unsigned() && *found >= 1 && *found <= kMostDays) return 24h * found->get<std::int64_t>();
  compiler.problem("is a whole number from 1 to 365");
  return 24h * kUsualDays;
}

string compile_carrier(const nlohmann::json& object, Compiler& compiler) {
  auto found = object.find("by");
  const auto& carriers = compiler.context().carriers;
  if (found == object.end()) {
    if (!compiler.context().can_redirect)
      compiler.problem("nothing can carry the answers", "add a destination of type smtp");
    return {};
  }
  auto at = compiler.step("by");
  const auto name = compiler.text(*found);
  if (name && !carriers.contains(*name))
    compiler.problem(in_quotes(*name) + " is no destination of type smtp", did_you_mean(*name, carriers));
  return name.value_or("");
}

}  // namespace

std::unique_ptr<Action> make_vacation(const nlohmann::json& object, Compiler& compiler) {
  const std::size_t before = compiler.problems();
  VacationSettings made;
  made.text = compile_text(object, compiler);
  made.addresses = compile_mine(object, compiler);
  compile_from(object, made, compiler);
  made.days = compile_days(object, compiler);
  made.destination = compile_carrier(object, compiler);
  std::optional<Template> subject;
  if (auto found = object.find("subject"); found != object.end()) {
    auto at = compiler.step("subject");
    if (auto written = compiler.text(*found)) subject = Template::compile(*written, compiler);
  } else {
    subject = Template::compile(kUsualSubject, compiler);
  }
  if (!subject || compiler.problems() != before) return nullptr;
  for (string& address : made.addresses) address = Value(address).folded();
  return std::make_unique<Vacation>(std::move(made), std::move(*subject));
}

}  // namespace mailstead::router
