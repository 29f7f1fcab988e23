#include "connectors/imap/client/session.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/imap/client/refusal.h"
#include "connectors/imap/codec/sequence_set.h"
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
constexpr int kMaxRestReads = 16;
constexpr std::size_t kMaxGathered = 16 * 1024;  // a TLS record

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

// How many messages "* VANISHED 405,407:410" takes out of the selected mailbox. Those of "(EARLIER)" had left before
// and are no set here (RFC 7162 §3.2.10).
std::uint64_t count_vanished(std::string_view text) {
  const auto set = SequenceSet::parse(text);
  if (!set) return 0;
  const SequenceSet uids = set->resolved(UINT32_MAX);
  std::uint64_t count = 0;
  for (const auto& range : uids.ranges()) count += std::uint64_t{range.last} - range.first + 1;
  return count;
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
  return write_command(command, true, {});
}

void Session::send_unwatched(const CommandText& command, Ending ending) {
  write_command(command, false, std::move(ending));
}

void Session::send_line(std::string_view line) {
  add_line(line);
  flush();
}

void Session::add_line(std::string_view line) {
  gather(line);
  gather("\r\n");
}

void Session::unwatch(Tag tag, Ending ending) {
  for (Sent& sent : in_flight_) {
    if (sent.tag == tag) sent = {tag, false, std::move(ending)};
  }
}

Tag Session::write_command(const CommandText& command, bool watched, Ending ending) {
  Tag tag = ++last_tag_;
  in_flight_.push_back({tag, watched, std::move(ending)});
  std::string_view text = command.text();
  gather(kTagLetter + std::to_string(tag) + ' ');
  std::size_t written = 0;
  for (std::size_t pause : command.pauses()) {
    gather(text.substr(written, pause - written));
    written = pause;
    ResponseHandler ignore;
    within_literal_ = true;
    Step step = await_continuation(tag, ignore);
    within_literal_ = false;
    if (step.kind == Step::Kind::kTagged) {
      early_.push_back(std::move(step.completion));  // refused: finish() tells
      return tag;
    }
  }
  gather(text.substr(written));
  gather("\r\n");
  if (gathered_.size() > kMaxGathered) flush();
  return tag;
}

// By hand, so that growing leaves no copy of a password behind.
void Session::gather(std::string_view bytes) {
  if (gathered_.size() + bytes.size() > gathered_.capacity()) {
    std::string larger;
    larger.reserve(2 * (gathered_.size() + bytes.size()) + 256);
    larger += gathered_;
    OPENSSL_cleanse(gathered_.data(), gathered_.size());
    gathered_ = std::move(larger);
  }
  gathered_ += bytes;
}

void Session::write_gathered() {
  if (gathered_.empty()) return;
  stream_->write_all(gathered_, patience_.for_line());
  OPENSSL_cleanse(gathered_.data(), gathered_.size());
  gathered_.clear();
}

void Session::flush() {
  if (compression_ != Compression::kAsked) write_gathered();
}

// The turn: an answer is waited for. A server compresses from its OK on, so that nothing of ours may follow the command
// until that came.
void Session::end_flight() {
  if (compression_ == Compression::kAsked) return;
  if (compression_ == Compression::kWanted && !within_literal_) {
    send_unwatched(CommandText("COMPRESS DEFLATE"), [this, ending = std::move(compression_ending_)](
                                                        const Completion& end) { compression_answered(end, ending); });
    write_gathered();
    compression_ = Compression::kAsked;
    return;
  }
  write_gathered();
}

void Session::compress_at_turn(Ending ending) {
  compression_ = Compression::kWanted;
  compression_ending_ = std::move(ending);
}

void Session::compression_answered(const Completion& completion, const Ending& ending) {
  compression_ = Compression::kNone;
  if (completion.ok()) begin_compression();
  if (ending) ending(completion);
}

// Nothing may follow a COMPRESS before its answer, which is on its way.
void Session::settle_compression() {
  ResponseHandler ignore;
  if (compression_ == Compression::kWanted) compression_ = Compression::kNone;
  while (compression_ == Compression::kAsked) (void)step(ignore);
}

void Session::say_goodbye() {
  settle_compression();
  send_unwatched(CommandText("LOGOUT"));
  flush();
  std::array<char, 4096> rest;
  for (int i = 0; i < kMaxRestReads && stream_->try_read(rest).state == net::TryResult::State::kDone; ++i) continue;
}

bool Session::quiet() const noexcept {
  return std::none_of(in_flight_.begin(), in_flight_.end(), [](const Sent& sent) { return sent.watched; });
}

bool Session::utf8_names() const noexcept {
  bool second_revision = enabled("IMAP4REV2") || (capabilities_.has("IMAP4REV2") && !capabilities_.has("IMAP4REV1"));
  return second_revision || enabled("UTF8=ACCEPT");
}

Step Session::step(ResponseHandler& handler) {
  end_flight();
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
  if (response.has_code("CAPABILITY")) learn_capabilities(response.arguments);
  if (response.has_code("READ-ONLY")) mailbox_.read_only = true;
  if (response.has_code("READ-WRITE")) mailbox_.read_only = false;
  idle_responses_ = 0;
  Step step;
  Completion completion{*number, response.status, std::string(response.code), std::string(response.arguments),
                        mail::printable(response.text, mail::kMaxRemoteText)};
  const Sent ended = std::move(*sent);
  in_flight_.erase(sent);
  if (ended.watched) {
    step.kind = Step::Kind::kTagged;
    step.completion = std::move(completion);
  } else if (ended.ending) {
    ended.ending(completion);
  }
  return step;
}

void Session::on_status(const Response& response) {
  if (response.status == Status::kBye) {
    throw goodbye(response.code, mail::printable(response.text, mail::kMaxRemoteText));
  }
  if (response.has_code("CAPABILITY")) learn_capabilities(response.arguments);
  if (response.has_code("UIDVALIDITY")) learn_number(response, mailbox_.uid_validity, mailbox_.fault);
  if (response.has_code("HIGHESTMODSEQ")) mailbox_.highest_modseq = parse_number(response.arguments).value_or(0);
  if (response.has_code("UIDNEXT")) learn_number(response, mailbox_.uid_next, mailbox_.fault);
  if (response.has_code("ALERT") && alerts_.size() < kMaxAlerts) {
    alerts_.push_back("the server says: " + mail::printable(response.text, mail::kMaxRemoteText));
  }
}

void Session::on_data(const Response& response) {
  if (response.is_data("CAPABILITY")) learn_capabilities(response.rest);
  if (response.is_data("ENABLED")) enabled_.add(response.rest);
  if (response.is_data("EXISTS") && response.number) {
    if (mailbox_.exists && *response.number > *mailbox_.exists) mailbox_.arrived += *response.number - *mailbox_.exists;
    mailbox_.exists = response.number;
  }
  if (response.is_data("EXPUNGE") && mailbox_.exists.value_or(0) > 0) --*mailbox_.exists;
  if (response.is_data("VANISHED") && mailbox_.exists)
    *mailbox_.exists -=
        static_cast<std::uint32_t>(std::min<std::uint64_t>(count_vanished(response.rest), *mailbox_.exists));
}

void Session::learn_capabilities(std::string_view words) {
  capabilities_ = Capabilities::parse(words);
  ++announcements_;
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
  stream_ = net::compressed(std::move(stream_), received);
  reader_.read_from(*stream_);
}

void Session::rest() noexcept {
  reader_.shrink();
  std::string().swap(line_);
  if (gathered_.empty()) std::string().swap(gathered_);
}

void Session::forget_all() {
  capabilities_ = enabled_ = {};
  mailbox_ = {};
  alerts_.clear();
}

}  // namespace mailstead::imap
