// The one exception type of Mailstead: a broken promise, never an answer.
//
// A dropped connection, a passed deadline, a limit exceeded, a protocol violation or a full disk is thrown as a
// Failure. An SMTP 550, an IMAP NO, a rule that does not match or a duplicate is a value, never a Failure.
// The kind says what went wrong, the scope how far the damage reaches; agent/ alone decides what follows from them.
#pragma once

#include <chrono>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

namespace mailstead::mail {

enum class FailureKind {
  kTemporary,       // try again later; also the meaning of everything unknown
  kPermanent,       // trying again cannot help
  kAuthentication,  // the peer refused who we are
  kProtocol,        // the peer broke the protocol
  kLimit,           // a named limit was exceeded
  kStorage,         // our own disk or database
  kConfiguration,   // the user must change something
  kCancelled,       // we were asked to stop
};

enum class FailureScope { kRecipient, kMessage, kFolder, kSession, kAccount, kProcess };

// `text` is for people: one line, no secrets, remote words already escaped (mail/escape.h).
// `detail` is for the log only (still no secrets).
class Failure : public std::exception {
 public:
  Failure(FailureKind kind, FailureScope scope, std::string text, std::string detail = {});

  [[nodiscard]] FailureKind kind() const noexcept { return kind_; }
  [[nodiscard]] FailureScope scope() const noexcept { return scope_; }
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  [[nodiscard]] const std::string& detail() const noexcept { return detail_; }
  // What the peer said of when to come again ("Suggested Backoff Time", LOGIN-DELAY); nullopt: nothing.
  [[nodiscard]] std::optional<std::chrono::seconds> retry_after() const noexcept { return retry_after_; }
  // For `throw Failure(…).come_again_in(wait)`.
  [[nodiscard]] Failure come_again_in(std::chrono::seconds wait) const&;
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  FailureKind kind_;
  FailureScope scope_;
  std::string text_;
  std::string detail_;
  std::optional<std::chrono::seconds> retry_after_;
};

[[nodiscard]] std::string_view name_of(FailureKind kind) noexcept;
[[nodiscard]] std::string_view name_of(FailureScope scope) noexcept;

}  // namespace mailstead::mail
