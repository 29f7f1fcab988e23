// "destinations": where messages are sent. One reader per type; types of later versions are refused by name.
#include "agent/config/secret_source.h"
#include "agent/config/sections.h"
#include "mail/address.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

using nlohmann::json;
using Type = DestinationConfig::Type;
using namespace std::chrono_literals;

void read_mailbox(Section& section, DestinationConfig& made) {
  if (section.require("user", "one of \"users\"")) made.user = section.text("user").value_or("");
  made.folder = section.text("folder").value_or(made.folder);
}

void check_addresses(Section& section, Type type, const std::vector<std::string>& addresses) {
  const bool knows_users = type == Type::kLmtp || type == Type::kPipe || type == Type::kWebhook;
  for (const std::string& address : addresses) {
    if (mail::is_envelope_address(address)) continue;
    if (knows_users && mail::is_envelope_local_part(address)) continue;
    section.fault("to", in_quotes(address) + " is no mail address",
                  knows_users ? "write it as alice@example.org, or alice alone" : "write it as alice@example.org");
  }
}

// An address, "<>", or {"srs": DOMAIN, "secret": …}.
void read_from(Section& section, DestinationConfig& made) {
  const auto* value = section.find("from");
  if (value != nullptr && value->is_object()) {
    Section rewriting(*value, section.pointer_to("from"), "from", section.reading());
    if (!rewriting.require("srs", "the domain of ours that senders are rewritten to")) return;
    const std::string domain = rewriting.text("srs").value_or("");
    if (!domain.empty() && !mail::is_envelope_address("a@" + domain))
      rewriting.fault("srs", in_quotes(domain) + " is no domain");
    if (!rewriting.require("secret", "it signs the senders: whoever knows it can have bounces sent anywhere")) return;
    SecretSource secret = read_secret(rewriting, "secret", domain, "");
    if (secret.fetch) made.srs = std::make_shared<const SenderRewriting>(domain, std::move(secret.fetch));
    return;
  }
  made.from = section.text("from").value_or("");
  if (!made.from.empty() && made.from != "<>" && !mail::is_envelope_address(made.from))
    section.fault("from", in_quotes(made.from) + " is no mail address", R"("<>" is the null sender)");
}

// 571, or "5.7.1" (RFC 3463).
std::optional<std::string> refusal_code(const json& value) {
  if (value.is_number_unsigned() && value >= 500 && value <= 599) return std::to_string(value.get<int>());
  if (!value.is_string()) return std::nullopt;
  auto text = value.get<std::string>();
  const auto second = text.find('.', 2);
  const bool fits = text.starts_with("5.") && text.find_first_not_of("0123456789.") == std::string::npos &&
                    second > 2 && second <= 5 && second + 1 < text.size() && text.size() - second <= 4 &&
                    text.find('.', second + 1) == std::string::npos;
  return fits ? std::optional(std::move(text)) : std::nullopt;
}

// What is done with a message that is refused for good with one of these codes.
void read_antispam(Section& parent, DestinationConfig& made) {
  const auto* value = parent.find("antispam");
  if (value == nullptr) return;
  Section section(*value, parent.pointer_to("antispam"), "antispam", parent.reading());
  for (const auto& [key, what] :
       {std::pair("discard", OnRefusal::kDiscard), std::pair("quarantine", OnRefusal::kQuarantine),
        std::pair("keep", OnRefusal::kKeep)}) {
    const auto* codes = section.find(key);
    if (codes == nullptr) continue;
    const json list = codes->is_array() ? *codes : json::array({*codes});
    if (list.empty()) section.fault(key, "is an empty list");
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string pointer = section.pointer_to(key) + (codes->is_array() ? '/' + std::to_string(i) : "");
      const auto code = refusal_code(list[i]);
      if (!code)
        section.reading().faults.push_back(
            {pointer, R"(is no code of a refusal: a number from 500 to 599, or one such as "5.7.1")", {}});
      else if (!made.antispam.emplace(*code, what).second)
        section.reading().faults.push_back({pointer, *code + " stands elsewhere, too", "leave one of the two out"});
    }
  }
  if (value->is_object() && value->empty()) section.fault({}, "names no code", R"(such as {"discard": [571]})");
}

// SMTP and LMTP differ by name in the ports alone, and in who may be a recipient.
void read_mail_server(Section& section, const Ports& ports, DestinationConfig& made) {
  read_endpoint(section, ports, made.endpoint);
  std::string file, mark;
  read_sign_in(section, made.endpoint, SignInUse::kSmtp, made.credentials, {made.secret_origin, file, mark});
  if (section.require("to", "the addresses that get the mail")) {
    made.to = section.texts("to");
    check_addresses(section, made.type, made.to);
  }
  read_from(section, made);
  read_antispam(section, made);
  made.connections = section.count("connections", 1, 64).value_or(made.connections);
  made.keep_open = section.duration("keep_open", 0s, 5min).value_or(made.keep_open);
}

void read_smtp(Section& section, DestinationConfig& made) {
  read_mail_server(section, kSmtpPorts, made);
}

void read_lmtp(Section& section, DestinationConfig& made) {
  read_mail_server(section, kLmtpPorts, made);
  if (made.endpoint.port == 25 && section.has("port"))
    section.fault("port", "25 is for SMTP, where LMTP must not be spoken (RFC 2033)",
                  "LMTP servers listen on 24 mostly");
}

constexpr std::array<std::string_view, 10> kGmailLabels = {
    "\\Draft", "\\Drafts", "\\Important", "\\Inbox", "\\Junk", "\\Muted", "\\Sent", "\\Spam", "\\Starred", "\\Trash"};
constexpr std::size_t kMaxLabel = 225;  // octets; Gmail's own limit, in characters

void check_labels(Section& section, const std::vector<std::string>& labels) {
  for (const std::string& label : labels) {
    if (label.size() > kMaxLabel) section.fault("labels", in_quotes(label) + " is too long for a label");
    const bool of_gmail = std::find(kGmailLabels.begin(), kGmailLabels.end(), label) != kGmailLabels.end();
    if (label.starts_with('\\') && !of_gmail)
      section.fault("labels", in_quotes(label) + " is no label of Gmail's own",
                    "\\Important, \\Inbox, \\Starred, \\Sent, \\Drafts, \\Muted, \\Spam and \\Trash are");
  }
}

void read_imap(Section& section, DestinationConfig& made) {
  read_endpoint(section, kImapPorts, made.endpoint);
  // Through a tunnel or a socket one may be signed in already (PREAUTH).
  if (!made.endpoint.is_private_line()) section.require("user");
  std::string file, mark;
  read_sign_in(section, made.endpoint, SignInUse::kImap, made.credentials, {made.secret_origin, file, mark});
  made.folder = section.text("folder").value_or(made.folder);
  check_special_use(section, "folder", made.folder);
  made.labels = section.texts("labels");
  check_labels(section, made.labels);
  made.connections = section.count("connections", 1, 16).value_or(made.connections);
  made.keep_open = section.duration("keep_open", 0s, 5min).value_or(made.keep_open);
}

void read_maildir(Section& section, DestinationConfig& made) {
  made.folder = section.text("folder").value_or("");
  if (section.require("path")) made.path = section.path("path").value_or("");
}

void read_mbox(Section& section, DestinationConfig& made) {
  if (section.require("path")) made.path = section.path("path").value_or("");
  made.connections = 1;  // its lock lets one in at a time
}

// Names as a shell takes them; those of ours say what is true of the message.
void read_environment(Section& section, DestinationConfig& made) {
  const auto* value = section.find("environment");
  if (value == nullptr) return;
  Section variables(*value, section.pointer_to("environment"), "environment", section.reading());
  if (!value->is_object()) return;
  for (const auto& [name, written] : value->items()) {
    const bool is_name = !name.empty() && !mail::is_digit(name.front()) &&
                         std::all_of(name.begin(), name.end(),
                                     [](char c) { return mail::is_letter(c) || mail::is_digit(c) || c == '_'; });
    if (!is_name) variables.fault(name, in_quotes(name) + " is no name of a variable", "letters, digits and _");
    if (name.starts_with("MAILSTEAD_")) variables.fault(name, in_quotes(name) + " is set by Mailstead itself");
    if (auto text = variables.text(name)) made.program.environment.emplace_back(name, *std::move(text));
  }
}

// Who gets the mail is the program's matter; where it wants to be told, it may be a user of this machine.
void read_pipe(Section& section, DestinationConfig& made) {
  read_program(section, 5min, made.program);
  read_environment(section, made);
  made.to = section.texts("to");
  check_addresses(section, made.type, made.to);
  made.connections = section.count("connections", 1, 16).value_or(1);
}

void read_web_service(Section& section, DestinationConfig& made) {
  read_webhook(section, made);
  made.to = section.texts("to");
  check_addresses(section, made.type, made.to);
  made.connections = section.count("connections", 1, 16).value_or(made.connections);
  made.keep_open = section.duration("keep_open", 0s, 5min).value_or(made.keep_open);
}

struct Reader {
  Type type;
  std::string_view section;
  void (*read)(Section&, DestinationConfig&);
};
constexpr std::array<std::pair<std::string_view, Reader>, 8> kReaders = {
    {{"mailbox", {Type::kMailbox, "destination/mailbox", read_mailbox}},
     {"smtp", {Type::kSmtp, "destination/smtp", read_smtp}},
     {"lmtp", {Type::kLmtp, "destination/lmtp", read_lmtp}},
     {"imap", {Type::kImap, "destination/imap", read_imap}},
     {"maildir", {Type::kMaildir, "destination/maildir", read_maildir}},
     {"mbox", {Type::kMbox, "destination/mbox", read_mbox}},
     {"pipe", {Type::kPipe, "destination/pipe", read_pipe}},
     {"webhook", {Type::kWebhook, "destination/webhook", read_web_service}}}};

// A key of its own, so that a type of a later version is not blamed for its keys too.
std::optional<Reader> reader_for(const json& value, const std::string& pointer, Reading& reading) {
  json only_type = json::object();
  if (auto found = value.find("type"); found != value.end()) only_type["type"] = *found;
  Section section(only_type, pointer, "destination/mailbox", reading);
  if (!section.require("type", "mailbox, smtp, lmtp, imap, maildir, mbox, pipe or webhook")) return std::nullopt;
  return section.choice("type", kReaders, {"gmail"});
}

bool routes_by_mx(const json& value, const std::string& pointer, Reading& reading) {
  auto found = value.find("route");
  if (found == value.end()) return false;
  reading.faults.push_back(
      {pointer + "/route", "a route is not supported by this version yet", "name a relay as \"host\""});
  return true;
}

// What every destination has that a queue leads to.
void read_queueing(Section& section, DestinationConfig& made) {
  if (const auto* value = section.find("retry")) {
    Section retry(*value, section.pointer_to("retry"), "retry", section.reading());
    read_retry(retry, made.retry);
  }
  if (const auto* value = section.find("rate")) {
    Section rate(*value, section.pointer_to("rate"), "rate", section.reading());
    read_rate(rate, made.rate);
  }
}

}  // namespace

DestinationConfig read_destination(const std::string& name, const json& value, const std::string& pointer,
                                   const RetryPolicy& retry, Reading& reading) {
  DestinationConfig made;
  made.name = name;
  made.retry = retry;
  if (!value.is_object()) {
    Section section(value, pointer, "destination/mailbox", reading);
    return made;
  }
  auto reader = reader_for(value, pointer, reading);
  if (!reader) return made;
  made.type = reader->type;
  if (made.type == Type::kSmtp && routes_by_mx(value, pointer, reading)) return made;
  Section section(value, pointer, reader->section, reading);
  reader->read(section, made);
  read_queueing(section, made);
  return made;
}

}  // namespace mailstead::agent
