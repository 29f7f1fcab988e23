// What a session knows of its client, shared by the commands: who signed in, what is selected, what is permitted.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/imap/server/append_batch.h"
#include "connectors/imap/server/enabled.h"
#include "connectors/imap/server/incoming_append.h"
#include "connectors/imap/server/mailbox_view.h"
#include "connectors/imap/server/session.h"
#include "connectors/imap/server/task.h"

namespace mailstead::imap {

// As bits: a command's table entry names those in which it is allowed.
enum SessionState : unsigned { kNotAuthenticated = 1, kAuthenticated = 2, kSelected = 4 };
inline constexpr unsigned kAnyState = kNotAuthenticated | kAuthenticated | kSelected;
inline constexpr unsigned kSignedIn = kAuthenticated | kSelected;

inline constexpr unsigned kMaxFailedLogins = 3;

struct Conversation {
  const ServerContext& context;
  RecentRegister& recent;
  net::PeerFacts peer;
  std::function<void()> wake;

  Enabled enabled{};
  std::string user{};  // "" before the sign-in
  std::unique_ptr<MailboxView> selected{};
  std::unique_ptr<IncomingAppend> incoming{};  // the APPEND in hand
  AppendBatch appends{};                       // those before it, not kept yet
  unsigned failed_logins = 0;
  bool closing = false;     // close when the answer in hand is out
  bool compressed = false;  // both ways, from the answer in hand on
  bool start_compression = false;
  bool start_tls = false;                              // hand-shake when the answer in hand is out
  std::unique_ptr<sasl::OpenSessions::Place> place{};  // from the sign-in on
  std::chrono::milliseconds hold{0};                   // nothing more is said or heard for so long
  std::vector<connectors::ChannelBinding> bindings{};  // of its TLS, until the sign-in
  std::vector<std::string> certificate_names{};
  std::string farewell{};  // in front of the answer in hand

  [[nodiscard]] SessionState state() const noexcept {
    if (user.empty()) return kNotAuthenticated;
    return selected ? kSelected : kAuthenticated;
  }
  // What this connection can be signed in to with.
  [[nodiscard]] sasl::ServerOffer offer() const { return {cleartext_allowed(), bindings, certificate_names}; }
  [[nodiscard]] bool cleartext_allowed() const noexcept { return peer.tls || peer.loopback; }
  [[nodiscard]] bool may_start_tls() const noexcept { return context.starttls_available && !peer.tls; }
  [[nodiscard]] storage::MailStore& mail() const { return context.store.mail(); }
  [[nodiscard]] MailboxView& view() const { return *selected; }

  [[nodiscard]] Quota quota() const { return context.quota ? context.quota(user) : Quota{}; }
  // "IMAP4rev1 …": what is on offer in this state.
  [[nodiscard]] std::string capabilities() const;
  [[nodiscard]] sasl::Caller caller() const { return {peer.address, peer.loopback}; }
  // A password was looked at: sets `hold`. False: the answer is refuse_for_now(), whatever the result.
  [[nodiscard]] bool judge(const std::string& claimed, bool good);
  [[nodiscard]] Answer sign_in(const sasl::Identity& identity);
  // The same words whatever was wrong; the third failure closes.
  [[nodiscard]] Answer refuse_sign_in();
  // Nothing is looked at while so much was wrong; that counts as a failure, too.
  [[nodiscard]] Answer refuse_for_now();
  void count_failure();
  void unselect() noexcept { selected.reset(); }
  // A command that implies CONDSTORE (RFC 7162 §3.1).
  void use_modseq(std::string& output);
};

// The answer for a failure on the way of a command (RFC 5530).
[[nodiscard]] Answer refusal(const mail::Failure& failure);
// The words for an answer of the store other than kDone.
[[nodiscard]] Answer refusal(storage::MailboxAnswer answer);
// The same for the target of APPEND, COPY and MOVE: a missing one may be created (RFC 3501 §7.1, TRYCREATE).
[[nodiscard]] Answer target_refusal(storage::MailboxAnswer answer);

}  // namespace mailstead::imap
