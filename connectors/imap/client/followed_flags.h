// The state on the source of messages that wait for it before they are cleaned up (after_fetch "only_if"): which have
// it now, and which are gone.
//
// Nothing is asked where the mailbox has not changed (HIGHESTMODSEQ, RFC 7162); with QRESYNC the answer to SELECT tells
// what changed and what vanished; with CONDSTORE only changed flags are sent; otherwise the flags of those that wait.
#pragma once

#include <string>
#include <vector>

#include "connectors/imap/client/session.h"
#include "connectors/retrieval.h"
#include "mail/flags.h"
#include "storage/types.h"

namespace mailstead::imap {

[[nodiscard]] bool has_state(const mail::Flags& flags, retrieval::SourceState state) noexcept;

class FollowedFlags final : public ResponseHandler {
 public:
  // `pending`: ascending.
  FollowedFlags(std::vector<storage::Uid> pending, retrieval::SourceState wanted);

  // The parameter of SELECT that makes its answer tell what changed since `modseq`; "" when the pending UIDs do not fit
  // a line. QRESYNC must be enabled before it.
  [[nodiscard]] std::string select_parameter(std::uint32_t uid_validity, storage::ModSeq modseq) const;
  // Asks for what changed since `modseq`; 0: for all. Throws kFolder when the server refuses.
  void ask(Session& session, storage::ModSeq modseq);
  // Hears FETCH and VANISHED; anybody's command may bring them.
  bool untagged(const Response& response) override;

  [[nodiscard]] const std::vector<storage::Uid>& pending() const noexcept { return pending_; }
  [[nodiscard]] std::vector<storage::Uid> ripe() const { return with(State::kRipe); }
  [[nodiscard]] std::vector<storage::Uid> gone() const { return with(State::kGone); }

 private:
  enum class State : std::uint8_t { kUntold, kWaits, kRipe, kGone };
  [[nodiscard]] std::vector<storage::Uid> with(State state) const;
  [[nodiscard]] State* state_of(storage::Uid uid);
  bool vanished(std::string_view rest);

  std::vector<storage::Uid> pending_;
  std::vector<State> states_;
  retrieval::SourceState wanted_;
};

}  // namespace mailstead::imap
