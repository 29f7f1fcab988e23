#include "connectors/imap/delivery/append.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/logical_line.h"
#include "connectors/imap/codec/date_time.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::ByteCount;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using mail::operator""_KiB;
using mail::operator""_MiB;

// Beyond it a round trip is cheaper than octets for a server that does not want them.
constexpr ByteCount kMostUnasked = 1_MiB;
// What is held back until the server may have the message; a shorter message goes in one write with its command.
constexpr ByteCount kLastPiece = 32_KiB;
constexpr std::size_t kPiece = 64_KiB;  // of one write
// After the connection broke within the literal: the server may have said why.
constexpr std::chrono::seconds kLastWords{2};

class Append {
 public:
  Append(Session& session, const AppendOrder& order, const mail::Content& content, const MessageOctets& octets,
         const delivery::Context& context, bool& maybe_there)
      : session_(session),
        order_(order),
        content_(content),
        octets_(octets),
        context_(context),
        maybe_there_(maybe_there) {}

  Completion run() {
    const Tag tag = session_.send(command());
    if (waits_) {
      Step next = session_.await_continuation(tag, ignore_);
      if (next.kind == Step::Kind::kTagged) return refusal(std::move(next.completion));
    }
    try {
      send_all_but_last();
    } catch (const Failure& failure) {
      return last_words(tag, failure);
    }
    return commit(tag);
  }

 private:
  CommandText command() {
    const Capabilities& offered = session_.capabilities();
    const bool utf8 = octets_.eight_bit_header && session_.enabled("UTF8=ACCEPT");
    const bool literal8 = utf8 || (octets_.has_nul && offered.has("BINARY"));
    const bool may_go = !order_.ask_first && octets_.size <= kMostUnasked;
    const std::string_view suffix = may_go ? offered.literal_suffix(octets_.size) : "";
    waits_ = suffix.empty();
    closing_ = utf8 ? ")" : "";
    CommandText text("APPEND ");
    text.mailbox(order_.wire, offered, session_.utf8_names());
    text.raw(order_.flags.empty() ? "" : " (" + order_.flags + ")");
    text.raw(" \"" + format_date_time(order_.internal_date) + "\" ").raw(utf8 ? "UTF8 (" : "");
    text.raw(literal8 ? "~{" : "{").raw(std::to_string(octets_.size)).raw(suffix).raw("}");
    return text;
  }

  // An answer before the literal is whole can only be a refusal.
  static Completion refusal(Completion end) {
    if (end.ok())
      throw Failure(FailureKind::kProtocol, FailureScope::kSession, "the server took a message that it has not got");
    return end;
  }

  void send_all_but_last() {
    const ByteCount last = std::min(octets_.size, kLastPiece);
    ByteCount sent = 0;
    if (octets_.size == last) return take_last(last, 0);
    mail::for_each_chunk(content_, 0, octets_.size - last, [&](std::string_view chunk) {
      session_.flush();
      // In pieces, so that a server that takes nothing is waited for no longer than one that says nothing.
      for (std::string_view left = chunk; !left.empty(); left.remove_prefix(std::min(left.size(), kPiece)))
        session_.stream().write_all(left.substr(0, kPiece), session_.patience().for_line());
      sent += chunk.size();
    });
    take_last(last, sent);
  }

  // Before the commit: a disk that fails must not leave half a message with a server that waits for the rest.
  void take_last(ByteCount last, ByteCount sent) {
    last_piece_ = mail::read_range(content_, octets_.size - last, last);
    if (sent + last_piece_.size() != octets_.size)
      throw Failure(FailureKind::kStorage, FailureScope::kMessage, "the message became shorter while it was sent");
  }

  // Some servers refuse at once what they do not want, and hang up (RFC 7888 §4).
  Completion last_words(Tag tag, const Failure& failure) {
    if (failure.scope() != FailureScope::kSession || failure.kind() != FailureKind::kTemporary) throw Failure(failure);
    session_.patience().idle = kLastWords;
    try {
      return refusal(session_.finish(tag, ignore_));
    } catch (const Failure& other) {
      // A BYE has words of its own; all else says no more than that the connection broke.
      throw Failure(other.text().find("ended the session") != std::string::npos ? other : failure);
    }
  }

  Completion commit(Tag tag) {
    if (context_.before_commit) context_.before_commit();
    maybe_there_ = true;
    session_.add_line(std::exchange(last_piece_, {}).append(closing_));
    // To give up early would only put the message in doubt.
    const auto usual =
        std::exchange(session_.patience().idle,
                      std::max<std::chrono::milliseconds>(session_.timeouts().answer, session_.timeouts().command));
    Completion end = session_.finish(tag, ignore_);
    session_.patience().idle = usual;
    maybe_there_ = end.ok();
    return end;
  }

  Session& session_;
  const AppendOrder& order_;
  const mail::Content& content_;
  const MessageOctets& octets_;
  const delivery::Context& context_;
  bool& maybe_there_;
  bool waits_ = true;
  std::string_view closing_;
  std::string last_piece_;
  ResponseHandler ignore_;
};

}  // namespace

Completion append(Session& session, const AppendOrder& order, const mail::Content& content, const MessageOctets& octets,
                  const delivery::Context& context, bool& maybe_there) {
  return Append(session, order, content, octets, context, maybe_there).run();
}

}  // namespace mailstead::imap
