// What a command leaves behind: an answer, or a task that produces its output in slices and ends with an answer.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "connectors/imap/codec/cursor.h"
#include "connectors/net/server_session.h"

namespace mailstead::imap {

// The tagged response. The text may begin with a response code, "[TRYCREATE] …".
struct Answer {
  enum class Kind { kOk, kNo, kBad };
  Kind kind = Kind::kOk;
  std::string text;
  // With CONDSTORE: [HIGHESTMODSEQ n] in front of the text, once all changes are told (RFC 7162 §3.2.7).
  bool says_modseq = false;
  // Not said now: it comes with those of the commands that are kept together (AppendBatch).
  bool later = false;
};

class Task {
 public:
  enum class Step {
    kMore,          // the output is full or others should have their turn
    kWaitsForLine,  // line() goes on, or run() after a wake
    kDone,          // answer() is the result
  };
  virtual ~Task() = default;
  // Appends at most about net::kOutputHighWater octets.
  [[nodiscard]] virtual Step run(std::string& output) = 0;
  [[nodiscard]] virtual Step line(std::string_view /*text*/, std::string& /*output*/) { return Step::kDone; }
  [[nodiscard]] virtual std::size_t line_limit() const noexcept { return 0; }
  // The output ends inside a response: a failure now can only end the connection.
  [[nodiscard]] virtual bool mid_response() const noexcept { return false; }
  [[nodiscard]] const Answer& answer() const noexcept { return answer_; }

 protected:
  Step done(Answer::Kind kind, std::string text) {
    answer_ = {kind, std::move(text), false};
    return Step::kDone;
  }

 private:
  Answer answer_;
};

struct Request {
  std::string_view tag;
  std::string_view text;  // the whole command
  bool by_uid = false;    // the UID form
  Cursor arguments;       // from behind the command's name on, its blank included
  std::string& output;
};

using Outcome = std::variant<Answer, std::unique_ptr<Task>>;

[[nodiscard]] inline Answer ok(std::string text) {
  return {Answer::Kind::kOk, std::move(text), false};
}
[[nodiscard]] inline Answer no(std::string text) {
  return {Answer::Kind::kNo, std::move(text), false};
}
[[nodiscard]] inline Answer bad(std::string text) {
  return {Answer::Kind::kBad, std::move(text), false};
}

}  // namespace mailstead::imap
