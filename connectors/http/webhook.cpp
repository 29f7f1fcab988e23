#include "connectors/http/webhook.h"

#include <nlohmann/json.hpp>

#include <array>
#include <ctime>

#include "connectors/net/dial.h"
#include "mail/ascii.h"
#include "mail/digest.h"
#include "mail/escape.h"
#include "mail/header.h"
#include "mail/transfer_encoding.h"

namespace mailstead::http {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using nlohmann::json;

constexpr mail::ByteCount kHeaderSeen = 256 * 1024;  // of a message, for the fields of the JSON
constexpr std::size_t kMaxWords = 200;               // of an answer's content, for people

// Base64 of chunks as they come.
class Base64Writer {
 public:
  explicit Base64Writer(const Visit& out) : out_(out) {}
  void add(std::string_view bytes) {
    if (!rest_.empty()) {
      const std::size_t missing = std::min(3 - rest_.size(), bytes.size());
      rest_.append(bytes.substr(0, missing));
      bytes.remove_prefix(missing);
      if (rest_.size() < 3) return;
      out_(mail::encode_base64(rest_));
      rest_.clear();
    }
    const std::size_t whole = bytes.size() - bytes.size() % 3;
    if (whole > 0) out_(mail::encode_base64(bytes.substr(0, whole)));
    rest_.assign(bytes.substr(whole));
  }
  void finish() {
    if (!rest_.empty()) out_(mail::encode_base64(rest_));
  }

 private:
  const Visit& out_;
  std::string rest_;
};

std::string rfc3339(mail::WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::array<char, 32> text{};
  const std::size_t size = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text.data(), size};
}

json field_of(const mail::HeaderBlock& header, std::string_view name) {
  const auto* field = header.first(name);
  return field == nullptr ? json() : json(mail::decoded_value(*field));
}

// What is known of a message, without it.
std::string json_of(const WebhookSettings& settings, const Outgoing& message) {
  const std::string begin = mail::read_range(*message.content, 0, std::min(message.content->size(), kHeaderSeen));
  const auto header = mail::HeaderBlock::parse(begin);
  const json facts{{"version", 1},
                   {"destination", settings.name},
                   {"delivery", message.id},
                   {"again", message.answer_lost},
                   {"sender", message.sender},
                   {"recipients", message.recipients},
                   {"flags", message.flags.names()},
                   {"received", rfc3339(message.internal_date)},
                   {"size", message.content->size()},
                   {"message_id", message.message_id},
                   {"from", field_of(header, "From")},
                   {"to", field_of(header, "To")},
                   {"cc", field_of(header, "Cc")},
                   {"subject", field_of(header, "Subject")},
                   {"date", field_of(header, "Date")}};
  return facts.dump(-1, ' ', true, json::error_handler_t::replace);
}

// What is posted: known size, made as often as it is asked for.
struct Content {
  mail::ByteCount size = 0;
  std::function<void(const Visit&)> write;
};

Content content_of(const WebhookSettings& settings, const Outgoing& message) {
  const auto bytes = message.content;
  if (settings.format == WebhookFormat::kRaw)
    return {bytes->size(), [bytes](const Visit& out) { mail::for_each_chunk(*bytes, 0, bytes->size(), out); }};
  std::string head = json_of(settings, message);
  if (settings.format == WebhookFormat::kNotice) return {head.size(), [head](const Visit& out) { out(head); }};
  // The message's own octets follow as base64.
  head.pop_back();
  head += R"(,"message":")";
  return {head.size() + (bytes->size() + 2) / 3 * 4 + 2, [bytes, head](const Visit& out) {
            out(head);
            Base64Writer base64(out);
            mail::for_each_chunk(*bytes, 0, bytes->size(), [&](std::string_view chunk) { base64.add(chunk); });
            base64.finish();
            out("\"}");
          }};
}

// A field's value as ASCII without line ends: encoded-words would not be understood here.
std::string ascii(const std::string& text) {
  std::string result;
  for (const char c : text) result += c >= ' ' && c < '\x7f' ? c : '?';
  return result;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

// Speaks against where we ask, not against what we bring.
bool is_of_the_destination(int status) noexcept {
  return (status >= 300 && status < 400) || status == 401 || status == 403 || status == 404 || status == 405 ||
         status == 407 || status == 429 || status == 503;
}

bool is_temporary(int status) noexcept {
  return status >= 500 || status == 408 || status == 425 || is_of_the_destination(status);
}

std::string words_of(const Response& response) {
  std::string words = mail::printable(response.reason, kMaxWords);
  const std::string content(mail::trim(response.content));
  if (!content.empty()) words += (words.empty() ? "" : ": ") + mail::printable(content, kMaxWords);
  if (response.status >= 300 && response.status < 400) words += " (a redirection, which is not followed)";
  return words;
}

void add_own(const WebhookSettings& settings, Request& request) {
  for (const auto& [name, value] : settings.fields) request.fields.emplace_back(name, value().reveal());
}

class WebhookTransport final : public delivery::Transport {
 public:
  explicit WebhookTransport(const WebhookSettings& settings) : settings_(settings) {}

  Result deliver(const Outgoing& message, const Context& context) override {
    try {
      // Base64 is a third more; a second for each kMinByteRate octets.
      const auto upload = std::chrono::seconds(2 * message.content->size() / net::kMinByteRate);
      const auto deadline = net::Deadline::in(settings_.endpoint.timeouts.answer + upload, context.stop);
      connect(deadline);
      const Content content = content_of(settings_, message);
      const Response response = exchange(*stream_, *reader_, request(message, content, context),
                                         settings_.endpoint.timeouts.command, deadline);
      if (!response.keeps_connection) close();
      return judge(message, response);
    } catch (const AnswerLost& failure) {
      close();
      return broken(message, failure, true);
    } catch (const Failure& failure) {
      close();
      return broken(message, failure, false);
    }
  }

  bool worth_keeping() const noexcept override { return stream_ != nullptr; }
  void close() noexcept override {
    reader_.reset();
    if (stream_) stream_->close();
    stream_.reset();
  }

 private:
  // A kept connection that has ended meanwhile, or on which something came that nobody asked for, is not used again.
  void connect(const net::Deadline& deadline) {
    if (stream_) {
      char octet = 0;
      const bool quiet =
          reader_->buffered().empty() && stream_->try_read({&octet, 1}).state == net::TryResult::State::kWantsRead;
      if (quiet) return;
      close();
    }
    stream_ = net::dial(settings_.endpoint, deadline);
    reader_ = std::make_unique<net::BufferedReader>(*stream_);
  }

  Request request(const Outgoing& message, const Content& content, const Context& context) const {
    Request made;
    made.target = settings_.url.target;
    made.authority = settings_.url.authority();
    made.size = content.size;
    made.content = content.write;
    made.before_end = context.before_commit;
    const bool raw = settings_.format == WebhookFormat::kRaw;
    made.fields = {{"User-Agent", "mailstead"},
                   {"Accept", "*/*"},
                   {"Content-Type", raw ? "message/rfc822" : "application/json"},
                   {"Idempotency-Key", key_of(message)}};
    if (raw) {
      made.fields.emplace_back("X-Mailstead-Destination", ascii(settings_.name));
      made.fields.emplace_back("X-Mailstead-Sender", "<" + ascii(message.sender) + ">");
      if (!message.recipients.empty())
        made.fields.emplace_back("X-Mailstead-Recipients", ascii(joined(message.recipients)));
    }
    if (settings_.secret) {
      const std::string time = std::to_string(std::time(nullptr));
      made.fields.emplace_back("X-Mailstead-Time", time);
      made.fields.emplace_back("X-Mailstead-Signature", webhook_signature(settings_.secret(), time, content.write));
    }
    add_own(settings_, made);
    return made;
  }

  // The same at each attempt; another for another message, though a database that was restored gives numbers again.
  std::string key_of(const Outgoing& message) const {
    mail::Sha256Stream digest;
    mail::for_each_chunk(*message.content, 0, message.content->size(),
                         [&](std::string_view chunk) { digest.update(chunk); });
    return settings_.instance + "-" + std::to_string(message.id) + "-" + mail::to_hex(digest.finish()).substr(0, 16);
  }

  Result judge(const Outgoing& message, const Response& response) const {
    Reply reply{Reply::Kind::kAccepted, response.status, "", words_of(response)};
    if (response.status >= 200 && response.status < 300) return Result::same_for_all(message.recipients, reply);
    reply.kind = is_temporary(response.status) ? Reply::Kind::kTemporary : Reply::Kind::kPermanent;
    Result result = Result::same_for_all(message.recipients, reply);
    if (is_of_the_destination(response.status))
      result.failure = Failure(
          response.status == 401 || response.status == 403 ? FailureKind::kAuthentication : FailureKind::kTemporary,
          FailureScope::kAccount, settings_.url.authority() + " answers " + reply.line());
    return result;
  }

  static Result broken(const Outgoing& message, const Failure& failure, bool lost) {
    Result result = Result::same_for_all(message.recipients, {Reply::Kind::kTemporary, 0, "", failure.text()}, lost);
    result.failure = failure;
    return result;
  }

  const WebhookSettings& settings_;
  std::unique_ptr<net::Stream> stream_;
  std::unique_ptr<net::BufferedReader> reader_;
};

class Webhook final : public delivery::Destination {
 public:
  explicit Webhook(WebhookSettings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<delivery::Transport> open() const override { return std::make_unique<WebhookTransport>(settings_); }

  // Asks for the resource's options: whatever it answers, somebody is there, and the certificate is right.
  delivery::Facts probe(std::stop_token stop) const override {
    const auto deadline = net::Deadline::in(settings_.endpoint.timeouts.answer, std::move(stop));
    const auto stream = net::dial(settings_.endpoint, deadline);
    net::BufferedReader reader(*stream);
    Request request;
    request.method = "OPTIONS";
    request.target = settings_.url.target;
    request.authority = settings_.url.authority();
    add_own(settings_, request);
    request.fields.emplace_back("User-Agent", "mailstead");
    const Response response = exchange(*stream, reader, request, settings_.endpoint.timeouts.command, deadline);
    if (response.status == 401 || response.status == 403)
      throw Failure(
          FailureKind::kAuthentication, FailureScope::kAccount,
          settings_.url.authority() + " answers " + std::to_string(response.status) + " " + words_of(response));
    delivery::Facts facts;
    facts.lines.emplace_back("server", mail::printable(response.field("server"), kMaxWords));
    if (const auto tls = stream->tls()) facts.lines.emplace_back("tls", tls->version + ", " + tls->cipher);
    facts.lines.emplace_back("answers",
                             std::to_string(response.status) + " " + mail::printable(response.reason, kMaxWords));
    facts.lines.emplace_back("allows", mail::printable(response.field("allow"), kMaxWords));
    return facts;
  }

 private:
  const WebhookSettings settings_;
};

}  // namespace

std::string webhook_signature(const mail::Secret& secret, const std::string& time,
                              const std::function<void(const Visit&)>& content) {
  mail::HmacSha256 hmac(secret.reveal());
  hmac.update(time + ".");
  content([&](std::string_view bytes) { hmac.update(bytes); });
  return "sha256=" + mail::to_hex(hmac.finish());
}

std::unique_ptr<delivery::Destination> make_webhook(WebhookSettings settings) {
  return std::make_unique<Webhook>(std::move(settings));
}

}  // namespace mailstead::http
