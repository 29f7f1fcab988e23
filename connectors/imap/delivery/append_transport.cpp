#include "connectors/imap/delivery/append_transport.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/delivery/append_limit.h"
#include "connectors/imap/delivery/copy_search.h"
#include "connectors/imap/delivery/flag_choice.h"
#include "connectors/imap/delivery/label_store.h"
#include "connectors/imap/delivery/verdict.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::imap {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using delivery::Result;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr auto kAccepted = Reply::Kind::kAccepted;
constexpr auto kPermanent = Reply::Kind::kPermanent;

std::string place(const TargetFolder& target, const std::optional<AppendUid>& uid) {
  std::string text = "in " + mail::printable(target.name, 200);
  if (uid) text += " as UID " + std::to_string(uid->uid) + " of " + std::to_string(uid->uid_validity);
  return text;
}

}  // namespace

Result AppendTransport::deliver(const Outgoing& message, const Context& context) {
  // A remote mailbox has no recipients of its own: the answer is the same for all that the delivery names.
  const auto answers = [&](const Reply& reply, bool lost) {
    return Result::same_for_all(message.recipients, reply, lost);
  };
  Doubt doubt{message.answer_lost, false};
  try {
    const Reply reply = put(message, context, doubt);
    const bool lost = doubt.earlier && reply.kind == Reply::Kind::kTemporary;
    return answers(reply, lost);
  } catch (const Failure& failure) {
    connection_.reset();
    auto result = answers({Reply::Kind::kTemporary, 0, "", failure.text()}, doubt.any());
    result.failure = failure;
    return result;
  }
}

Reply AppendTransport::put(const Outgoing& message, const Context& context, Doubt& doubt) {
  const bool kept = connect(message, context);
  try {
    return put_once(message, context, doubt);
  } catch (const Failure& failure) {
    // A kept connection that the server had given up meanwhile says nothing about this message: a fresh one is tried.
    // Not when the message may be there: the server may be about to store it, and only later it can be asked.
    const bool again =
        kept && !doubt.now && failure.kind() == FailureKind::kTemporary && failure.scope() == FailureScope::kSession;
    if (!again) throw;
  }
  connection_.reset();
  (void)connect(message, context);
  return put_once(message, context, doubt);
}

bool AppendTransport::connect(const Outgoing& message, const Context& context) {
  if (connection_ != nullptr && !worth_keeping()) close();
  const auto arm = [&] {
    Session& session = connection_->session;
    session.restart_clock(context.stop);
    session.patience().idle = session.timeouts().command;
    session.patience().end += std::chrono::seconds(message.content->size() / kMinBytesPerSecond);
  };
  if (connection_ != nullptr) {
    arm();
    if (still_lives(*connection_)) return true;
  }
  connection_.reset();
  connection_ = open_connection(settings_, dialer_, context.stop);
  arm();
  return false;
}

Reply AppendTransport::put_once(const Outgoing& message, const Context& context, Doubt& doubt) {
  const auto found = find_target(*connection_, message.folder.empty() ? settings_.folder : message.folder);
  if (const Reply* reply = std::get_if<Reply>(&found)) return *reply;
  const auto& target = std::get<TargetFolder>(found);
  const MessageOctets octets = look_at_message(*message.content, doubt);
  if (doubt.earlier) {
    const auto uid = find_copy(*connection_, target, message, octets);
    doubt.earlier = false;
    if (uid) {
      std::string text = place(target, std::nullopt) + " already, as UID " + std::to_string(*uid) +
                         " (the answer to an earlier attempt was lost)";
      return own_reply(kAccepted, "", text + label(target, uid, message, octets));
    }
  }
  if (auto reply = unwanted(target, octets)) return *reply;
  return put_into(target, message, octets, context, doubt);
}

// All but the size is of use only where the server makes a difference, or has to be asked.
MessageOctets AppendTransport::look_at_message(const mail::Content& content, const Doubt& doubt) const {
  const bool compares = doubt.earlier || !settings_.labels.empty();
  Session& session = connection_->session;
  if (compares || session.capabilities().has("BINARY") || session.enabled("UTF8=ACCEPT"))
    return look_at(content, compares);
  MessageOctets octets;
  octets.size = content.size();
  return octets;
}

// What this server cannot take, known before anything is sent.
std::optional<Reply> AppendTransport::unwanted(const TargetFolder& target, const MessageOctets& octets) {
  // RFC 3502 §6.3.11 takes an empty literal for a wish to end the command.
  if (octets.size == 0) return own_reply(kPermanent, "5.6.0", "an empty message cannot be put into a mailbox");
  const auto limit = append_limit(*connection_, target.wire, octets.size);
  if (!limit || octets.size <= *limit) return std::nullopt;
  return own_reply(kPermanent, "5.3.4",
                   "the message (" + mail::format_size(octets.size) + ") is larger than the server takes (" +
                       mail::format_size(*limit) + ")");
}

std::string AppendTransport::flags_for(const TargetFolder& target, const mail::Flags& flags, std::string& notes) {
  const auto known = connection_->permanent_flags.find(target.wire);
  if (known == connection_->permanent_flags.end() && !flags.keywords.empty()) {
    // Which keywords are kept only SELECT tells. Refused, there is no such folder yet, or the APPEND will say more.
    if (!select_folder(*connection_, target.wire, true).ok()) connection_->selected = {};
  }
  const auto learnt = connection_->permanent_flags.find(target.wire);
  const FlagChoice choice =
      choose_flags(flags, learnt == connection_->permanent_flags.end() ? PermanentFlags() : learnt->second);
  for (const std::string& lost : choice.lost) notes += (notes.empty() ? "; not kept there: " : " ") + lost;
  return choice.sent;
}

Reply AppendTransport::put_into(const TargetFolder& target, const Outgoing& message, const MessageOctets& octets,
                                const Context& context, Doubt& doubt) {
  std::string notes;
  AppendOrder order{target.wire, flags_for(target, message.flags, notes), message.internal_date,
                    target.name != "INBOX" && connection_->there.count(target.wire) == 0};
  std::optional<Reply> refusal;
  const Completion end = append_or_make(target, order, message, octets, context, doubt, refusal);
  const bool in_step = end.status != Status::kBad;
  if (!end.ok()) {
    const Reply reply = refusal ? *refusal : refused(end, "");
    // After BAD the two may no longer speak of the same thing.
    if (!in_step) close();
    return reply;
  }
  doubt.now = false;
  ++connection_->messages;
  connection_->there.insert(target.wire);
  const auto uid = append_uid(end);
  const std::string text = place(target, uid) + (end.text.empty() ? "" : ": " + end.text) + notes;
  return own_reply(kAccepted, "", text + label(target, uid ? std::optional(uid->uid) : std::nullopt, message, octets));
}

Completion AppendTransport::append_or_make(const TargetFolder& target, AppendOrder& order, const Outgoing& message,
                                           const MessageOctets& octets, const Context& context, Doubt& doubt,
                                           std::optional<Reply>& refusal) {
  Session& session = connection_->session;
  Completion end = append(session, order, *message.content, octets, context, doubt.now);
  if (end.ok() || !may_lack_folder(end) || target.name == "INBOX") return end;
  const bool sure = end.has_code("TRYCREATE") || end.has_code("NONEXISTENT");
  if (auto reply = create_target(*connection_, target)) {
    // A NO without a reason was none for want of a folder, it seems; then the first answer is the better one.
    if (sure) refusal = std::move(reply);
    return end;
  }
  connection_->there.insert(target.wire);
  order.ask_first = false;
  return append(session, order, *message.content, octets, context, doubt.now);
}

std::string AppendTransport::label(const TargetFolder& target, std::optional<storage::Uid> uid, const Outgoing& message,
                                   const MessageOctets& octets) {
  if (settings_.labels.empty()) return {};
  if (!connection_->session.capabilities().has("X-GM-EXT-1"))
    return "; without labels: the server has none (X-GM-EXT-1)";
  bool broken = false;
  std::string why;
  try {
    if (!uid) uid = find_copy(*connection_, target, message, octets);
    why = uid ? store_labels(*connection_, target.wire, *uid, settings_.labels, broken)
              : "the server does not tell the message's UID";
  } catch (const Failure& failure) {
    broken = true;
    why = failure.text();
  }
  if (broken) connection_.reset();
  return why.empty() ? "" : "; without labels: " + why;
}

void AppendTransport::close() noexcept {
  if (auto connection = std::exchange(connection_, nullptr)) take_leave(*connection);
}

}  // namespace mailstead::imap
