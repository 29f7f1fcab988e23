#include "connectors/imap/client/session.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "connectors/imap/codec/syntax.h"
#include "connectors/net/deflate_stream.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr char kTagLetter = 'M';
constexpr std::size_t kMaxAlerts = 10;

std::optional<Tag> tag_number(std::string_view tag) {
  if (tag.size() < 2 || tag.front() != kTagLetter) return std::nullopt;
  auto number = parse_number(tag.substr(1), UINT32_MAX);
  if (!number) return std::nullopt;
  return static_cast<Tag>(*number);
}

void learn_number(const Response& response, std::optional<std::uint32_t>& value, std::string& fault) {
  auto number = parse_number(response.arguments, UINT32_MAX);
  if (number && *number > 0) {
    value = static_cast<std::uint32_t>(*number);
  } else {
    fault = "the server announced " + mail::printable(response.code, 40) + " \"" +
            mail::printable(response.arguments, 40) + "\"";
  }
}

}  // namespace

Session::Session(std::unique_ptr<net::Stream> stream, net::Timeouts timeouts)
    : stream_(std::move(stream)), reader_(*stream_), timeouts_(timeouts) {
  patience_.idle = timeouts_.command;
}

void Session::restart_clock(std::stop_token stop) {
  patience_.stop = std::move(stop);
  patience_.end = std::chrono::steady_clock::now() + timeouts_.total;
}

Tag Session::send(const CommandText& command) {
  return write_command(command, true);
}

void Session::send_unwatched(const CommandText& command) {
  write_command(command, false);
}

void Session::send_line(std::string_view line) {
  std::string bytes(line);
  bytes += "\r\n";
  stream_->write_all(bytes, patience_.for_line());
}

Tag Session::write_command(const CommandText& command, bool watched) {
  Tag tag = ++last_tag_;
  in_flight_.push_back({tag, watched});
  std::string_view text = command.text();
  std::string bytes = kTagLetter + std::to_string(tag) + ' ';
  bytes.reserve(bytes.size() + text.size() + 2);
  std::size_t written = 0;
  for (std::size_t pause : command.pauses()) {
    bytes += text.substr(written, pause - written);
    stream_->write_all(bytes, patience_.for_line());
    bytes.clear();
    written = pause;
    ResponseHandler ignore;
    Step step = await_continuation(tag, ignore);
    if (step.kind == Step::Kind::kTagged) {
      early_.push_back(std::move(step.completion));  // refused: finish() tells
      return tag;
    }
  }
  bytes += text.substr(written);
  bytes += "\r\n";
  stream_->write_all(bytes, patience_.for_line());
  OPENSSL_cleanse(bytes.data(), bytes.size());  // it may hold a password
  return tag;
}

Step Session::step(ResponseHandler& handler) {
  read_logical_line(reader_, patience_, handler, line_, line_limit_);
  Response response = parse_response(line_);
  Step step;
  switch (response.kind) {
    case Response::Kind::kTagged: return on_tagged(response);
    case Response::Kind::kContinuation:
      count_idle_response();
      step.kind = Step::Kind::kContinuation;
      step.continuation = response.text;
      return step;
    case Response::Kind::kStatus: on_status(response); break;
    case Response::Kind::kData: on_data(response); break;
  }
  if (!handler.untagged(response)) count_idle_response();
  return step;
}

Completion Session::finish(Tag tag, ResponseHandler& handler) {
  auto early = std::find_if(early_.begin(), early_.end(), [&](const Completion& end) { return end.tag == tag; });
  if (early != early_.end()) {
    Completion completion = std::move(*early);
    early_.erase(early);
    return completion;
  }
  while (true) {
    Step next = step(handler);
    if (next.kind != Step::Kind::kTagged) continue;
    if (next.completion.tag == tag) return std::move(next.completion);
    early_.push_back(std::move(next.completion));
  }
}

Completion Session::finish(Tag tag) {
  ResponseHandler ignore;
  return finish(tag, ignore);
}

Step Session::await_continuation(Tag tag, ResponseHandler& handler) {
  while (true) {
    Step next = step(handler);
    if (next.kind == Step::Kind::kContinuation) return next;
    if (next.kind != Step::Kind::kTagged) continue;
    if (next.completion.tag == tag) return next;
    early_.push_back(std::move(next.completion));
  }
}

Step Session::on_tagged(const Response& response) {
  auto number = tag_number(response.tag);
  auto sent = std::find_if(in_flight_.begin(), in_flight_.end(), [&](const Sent& s) { return number == s.tag; });
  if (sent == in_flight_.end()) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession,
                  "the server answered a command that was not sent: \"" + mail::printable(response.tag, 40) + "\"");
  }
  if (response.has_code("CAPABILITY")) capabilities_ = Capabilities::parse(response.arguments);
  if (response.has_code("READ-ONLY")) mailbox_.read_only = true;
  if (response.has_code("READ-WRITE")) mailbox_.read_only = false;
  idle_responses_ = 0;
  Step step;
  if (sent->watched) {
    step.kind = Step::Kind::kTagged;
    step.completion = {*number, response.status, std::string(response.code), std::string(response.arguments),
                       mail::printable(response.text, mail::kMaxRemoteText)};
  }
  in_flight_.erase(sent);
  return step;
}

void Session::on_status(const Response& response) {
  if (response.status == Status::kBye) {
    throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                  "the server ended the session: " + mail::printable(response.text, mail::kMaxRemoteText));
  }
  if (response.has_code("CAPABILITY")) capabilities_ = Capabilities::parse(response.arguments);
  if (response.has_code("UIDVALIDITY")) learn_number(response, mailbox_.uid_validity, mailbox_.fault);
  if (response.has_code("UIDNEXT")) learn_number(response, mailbox_.uid_next, mailbox_.fault);
  if (response.has_code("ALERT") && alerts_.size() < kMaxAlerts) {
    alerts_.push_back("the server says: " + mail::printable(response.text, mail::kMaxRemoteText));
  }
}

void Session::on_data(const Response& response) {
  if (response.is_data("CAPABILITY")) capabilities_ = Capabilities::parse(response.rest);
  if (response.is_data("EXISTS") && response.number) mailbox_.exists = response.number;
  if (response.is_data("EXPUNGE") && mailbox_.exists.value_or(0) > 0) --*mailbox_.exists;
}

void Session::count_idle_response() {
  if (++idle_responses_ <= mail::kMaxUntaggedPerCommand) return;
  throw Failure(FailureKind::kLimit, FailureScope::kSession, "the server sends responses without end");
}

std::vector<std::string> Session::take_alerts() {
  return std::exchange(alerts_, {});
}

void Session::begin_compression() {
  const std::string received = reader_.take_buffered();
  stream_ = std::make_unique<net::DeflateStream>(std::move(stream_), received);
  reader_.read_from(*stream_);
}

void Session::forget_all() {
  capabilities_ = {};
  mailbox_ = {};
  alerts_.clear();
}

}  // namespace mailstead::imap
