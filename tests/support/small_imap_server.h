// A small IMAP server in memory that answers what it is asked, for tests that do not care in which order a client asks:
// one mailbox, messages of given octets, and a place where a test may put its own words instead of an answer.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/imap/codec/sequence_set.h"
#include "connectors/net/stream.h"
#include "mail/failure.h"

namespace mailstead::testing {

class SmallImapServer {
 public:
  std::map<std::uint32_t, std::string> messages;  // by UID
  std::string capabilities = "IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS";
  std::string greeting = "* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n";
  // Instead of the answer to a command ("SELECT", "UID FETCH", "UID FETCH BODY", …); nullopt: the usual answer.
  std::function<std::optional<std::string>(std::string_view verb, const std::string& tag)> instead;
  // In front of the answer to every command.
  std::function<std::string(std::string_view verb)> before;

  std::vector<std::string> commands;  // without tags
  std::string written;

  // What the server says to the octets that came in.
  std::string hear(std::string_view bytes) {
    written += bytes;
    in_ += bytes;
    std::string out;
    for (auto end = in_.find("\r\n"); end != std::string::npos; end = in_.find("\r\n")) {
      const std::string line = in_.substr(0, end);
      in_.erase(0, end + 2);
      const auto blank = line.find(' ');
      if (blank == std::string::npos) continue;  // the lines of an exchange
      out += answer(line.substr(0, blank), line.substr(blank + 1));
    }
    return out;
  }

 private:
  static std::string verb_of(const std::string& command) {
    std::string verb = command.substr(0, command.find(' '));
    if (verb == "UID") verb = command.substr(0, command.find(' ', 4));
    if (verb == "UID FETCH" && command.find("BODY") != std::string::npos) verb += " BODY";
    return verb;
  }

  std::string answer(const std::string& tag, const std::string& command) {
    commands.push_back(command);
    const std::string verb = verb_of(command);
    std::string out = before ? before(verb) : "";
    if (instead)
      if (auto own = instead(verb, tag)) return out + *own;
    const std::string done = tag + " OK done\r\n";
    if (verb == "AUTHENTICATE" || verb == "LOGIN") return out + tag + " OK [CAPABILITY " + capabilities + "] in\r\n";
    if (verb == "CAPABILITY") return out + "* CAPABILITY " + capabilities + "\r\n" + done;
    if (verb == "SELECT" || verb == "EXAMINE") return out + selected(verb == "SELECT") + done;
    if (verb == "LIST") return out + "* LIST () \"/\" INBOX\r\n" + done;
    if (verb == "STATUS") return out + status() + done;
    if (verb == "UID FETCH" || verb == "UID FETCH BODY") return out + fetched(command, verb != "UID FETCH") + done;
    if (verb == "UID EXPUNGE") expunge(command.substr(12));
    if (verb == "LOGOUT") return out + "* BYE bye\r\n" + done;
    return out + done;
  }

  [[nodiscard]] std::uint32_t uid_next() const { return messages.empty() ? 1 : messages.rbegin()->first + 1; }
  [[nodiscard]] std::string selected(bool writable) const {
    return "* " + std::to_string(messages.size()) +
           " EXISTS\r\n* 0 RECENT\r\n* FLAGS (\\Seen \\Deleted)\r\n* OK [PERMANENTFLAGS (\\Seen \\Deleted \\*)] x\r\n"
           "* OK [UIDVALIDITY 7] x\r\n* OK [UIDNEXT " +
           std::to_string(uid_next()) + "] x\r\n" + (writable ? "" : "* OK [READ-ONLY] x\r\n");
  }
  [[nodiscard]] std::string status() const {
    const std::string count = std::to_string(messages.size());
    return "* STATUS INBOX (MESSAGES " + count + " UNSEEN " + count + " UIDVALIDITY 7 UIDNEXT " +
           std::to_string(uid_next()) + ")\r\n";
  }
  std::string fetched(const std::string& command, bool body) const {
    const std::string rest = command.substr(10);
    const auto asked = imap::SequenceSet::parse(rest.substr(0, rest.find(' ')));
    if (!asked) return "";
    const auto set = asked->resolved(messages.empty() ? 0 : messages.rbegin()->first);
    std::string out;
    std::size_t number = 0;
    for (const auto& [uid, octets] : messages) {
      ++number;
      if (!std::any_of(set.ranges().begin(), set.ranges().end(),
                       [&](const auto& range) { return range.first <= uid && uid <= range.last; }))
        continue;
      out += "* " + std::to_string(number) + " FETCH (UID " + std::to_string(uid) + " FLAGS () RFC822.SIZE " +
             std::to_string(octets.size());
      if (body) out += " BODY[] {" + std::to_string(octets.size()) + "}\r\n" + octets;
      out += ")\r\n";
    }
    return out;
  }
  void expunge(const std::string& text) {
    const auto set = imap::SequenceSet::parse(text);
    if (!set) return;
    for (const auto& range : set->ranges())
      messages.erase(messages.lower_bound(range.first), messages.upper_bound(range.last));
  }

  std::string in_;
};

// One connection to it. When nothing is left to say, reading fails as at a deadline.
class SmallImapStream final : public net::Stream {
 public:
  explicit SmallImapStream(SmallImapServer& server) : server_(server), out_(server.greeting) {}

  std::size_t read_some(std::span<char> into, const net::Deadline&) override {
    if (position_ == out_.size())
      throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kSession, "the server does not answer");
    const std::size_t count = std::min(into.size(), out_.size() - position_);
    std::copy_n(out_.begin() + static_cast<std::ptrdiff_t>(position_), count, into.begin());
    position_ += count;
    return count;
  }
  void write_all(std::string_view bytes, const net::Deadline&) override {
    out_.erase(0, std::exchange(position_, 0));
    out_ += server_.hear(bytes);
  }
  net::TryResult try_read(std::span<char>) override { return {net::TryResult::State::kWantsRead, 0}; }
  net::TryResult try_write(std::string_view) override { return {net::TryResult::State::kEnd, 0}; }
  void start_tls(const net::TlsSettings&, const std::string&, const net::Deadline&) override {}
  net::TryResult try_accept_tls(const net::ServerTls&) override { return {net::TryResult::State::kEnd, 0}; }
  std::optional<net::TlsFacts> tls() const override { return std::nullopt; }
  bool has_pending() const override { return false; }
  int descriptor() const override { return -1; }
  std::string peer() const override { return "127.0.0.1:143"; }
  void close() noexcept override {}

 private:
  SmallImapServer& server_;
  std::string out_;
  std::size_t position_ = 0;
};

}  // namespace mailstead::testing
