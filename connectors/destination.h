// What the agent asks of a destination, whatever its kind: deliver one message, be probed, be left.
//
// The life of a delivery, inside Transport::deliver(): connect if need be → begin (sender, size) → recipients → body →
// commit; at any failure before the commit the message is aborted and the destination does not have it. An answer is a
// value: each recipient gets one, with the remote's own words. A broken session is a value here too (Result::failure),
// because the answers that came before it still count (a refused recipient is never tried again).
// Retrying, giving up and backing off are the dispatcher's; nothing here remembers a past attempt.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "mail/clock.h"
#include "mail/content.h"
#include "mail/failure.h"
#include "mail/flags.h"
#include "storage/types.h"

namespace mailstead::delivery {

// One message for one destination.
struct Outgoing {
  storage::DeliveryId id = 0;
  std::shared_ptr<const mail::Content> content;  // never null
  std::optional<bool> has_8bit;                  // unknown: found out by reading, if the destination needs to know
  std::string sender;                            // envelope sender, bare; "" is the null sender
  std::vector<std::string> recipients;           // still to be done; empty where the destination has none (Maildir)
  std::string folder;                            // of destinations with folders; "" the destination's own
  mail::Flags flags;                             // likewise
  mail::WallTime internal_date;
  std::string message_id;    // of the header; "" when it has none
  bool answer_lost = false;  // an earlier attempt ended in the window of RFC 1047: ask before sending, where one can
};

struct Reply {
  enum class Kind { kAccepted, kTemporary, kPermanent };
  Kind kind = Kind::kTemporary;
  int code = 0;          // 250, 550 …; 0: ours, not the remote's
  std::string enhanced;  // "5.1.1" (RFC 3463); "" when the remote gave none
  std::string text;      // one printable line, ≤ mail::kMaxRemoteText; without code and enhanced code

  // "550 5.1.1 no such user": for storage::RecipientOutcome::reply, the report and the log.
  [[nodiscard]] std::string line() const {
    std::string line = code == 0 ? "" : std::to_string(code);
    for (const std::string* part : {&enhanced, &text}) {
      if (!line.empty() && !part->empty()) line += ' ';
      line += *part;
    }
    return line;
  }
  bool operator==(const Reply&) const = default;
};

struct Answer {
  std::string recipient;  // "" where the destination has none
  Reply reply;
  // The destination may have the message although `reply` is kTemporary: the session broke after the commit was asked
  // for and before its answer. The next attempt must say Outgoing::answer_lost and may, where the destination cannot be
  // asked, deliver twice.
  bool answer_lost = false;
};

struct Result {
  // One per recipient in the order of Outgoing::recipients; exactly one, with recipient "", when there are none.
  // Recipients that were never reached because of `failure` are kTemporary with its text.
  std::vector<Answer> answers;
  // The session broke or could not begin (nothing is known about the message itself): scope kSession or kAccount for
  // the destination, kMessage for content that cannot be read, kCancelled after a stop request. The transport has
  // closed its connection; the next deliver() makes a new one.
  std::optional<mail::Failure> failure;

  // The same answer for each recipient; one with recipient "" when there are none.
  [[nodiscard]] static Result same_for_all(const std::vector<std::string>& recipients, const Reply& reply,
                                           bool answer_lost = false) {
    Result result;
    for (const auto& recipient : recipients) result.answers.push_back({recipient, reply, answer_lost});
    if (recipients.empty()) result.answers.push_back({"", reply, answer_lost});
    return result;
  }

  [[nodiscard]] bool answer_lost() const {
    return std::any_of(answers.begin(), answers.end(), [](const Answer& answer) { return answer.answer_lost; });
  }
};

// What the caller of a delivery brings along.
struct Context {
  std::stop_token stop;  // waits end within a second of it, with failure kCancelled
  // Called on the delivering thread at the last moment at which the destination cannot have the message yet, once for
  // each commit (more than once only when the recipients did not fit one transaction). A Failure thrown from it aborts
  // the message: nothing is committed and it comes back as Result::failure. May be empty.
  std::function<void()> before_commit;
};

// One connection's worth of deliveries, one after the other. One thread at a time.
class Transport {
 public:
  virtual ~Transport() = default;  // closes at once, without a farewell

  // Connects and signs in when that has not been done or the connection is gone or used up. Blocks until each recipient
  // has its answer; ends by deadline. Throws no Failure. Memory: a few buffers, whatever the size of the message.
  [[nodiscard]] virtual Result deliver(const Outgoing& message, const Context& context) = 0;
  // Whether holding this transport idle for the next message saves anything.
  [[nodiscard]] virtual bool worth_keeping() const noexcept = 0;
  // A polite end (QUIT), within two seconds. The transport may be used again.
  virtual void close() noexcept = 0;
};

// What `check --connect` prints: name and value, printable, in the order to be shown: "server", "tls", "certificate",
// "signed in by", "size limit", "extensions"; "path", "messages".
struct Facts {
  std::vector<std::pair<std::string, std::string>> lines;
};

// A configured place to deliver to. Thread-safe; transports must not outlive it.
class Destination {
 public:
  virtual ~Destination() = default;
  // Does no I/O.
  [[nodiscard]] virtual std::unique_ptr<Transport> open() const = 0;
  // Connects and signs in (Maildir: looks at the folder) and delivers nothing. Throws Failure.
  [[nodiscard]] virtual Facts probe(std::stop_token stop) const = 0;
};

}  // namespace mailstead::delivery
