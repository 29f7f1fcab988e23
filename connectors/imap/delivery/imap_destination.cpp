#include "connectors/imap/delivery/imap_destination.h"

#include <utility>

#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/delivery/append_limit.h"
#include "connectors/imap/delivery/append_transport.h"
#include "connectors/imap/delivery/target_folder.h"
#include "connectors/imap/delivery/verdict.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::imap {
namespace {

using delivery::Facts;

void add_tls(Facts& facts, Session& session) {
  if (const auto tls = session.stream().tls()) {
    facts.lines.emplace_back("tls", tls->version + " " + tls->cipher);
    facts.lines.emplace_back("certificate", tls->peer_subject + ", " + std::to_string(tls->days_left) + " days left");
  } else {
    facts.lines.emplace_back("tls", "none");
  }
}

// How the folder is called there and how many messages it holds, or that it will be made.
void add_folder(Facts& facts, Connection& connection, const std::string& name) {
  const auto found = find_target(connection, name);
  if (const auto* reply = std::get_if<delivery::Reply>(&found))
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount, reply->text);
  const auto& target = std::get<TargetFolder>(found);
  const Completion end = select_folder(connection, target.wire, false);
  std::string text = mail::printable(target.name, 200);
  if (end.ok()) {
    text += ", " + std::to_string(connection.session.mailbox().exists.value_or(0)) + " messages";
  } else if (may_lack_folder(end)) {
    text += ", not there yet: the first message makes it";
  } else {
    text += ": " + refused(end, "").text;
  }
  facts.lines.emplace_back("folder", std::move(text));
}

void add_abilities(Facts& facts, Session& session, const ImapDestinationSettings& settings) {
  const Capabilities& offered = session.capabilities();
  if (const auto limit = announced_limit(offered)) facts.lines.emplace_back("size limit", mail::format_size(*limit));
  if (!settings.labels.empty())
    facts.lines.emplace_back("labels",
                             offered.has("X-GM-EXT-1") ? "yes" : "none here: the server does not offer X-GM-EXT-1");
  std::string words;
  for (const std::string& word : offered.words()) words += (words.empty() ? "" : " ") + mail::printable(word, 100);
  facts.lines.emplace_back("extensions", std::move(words));
}

class ImapDestination final : public delivery::Destination {
 public:
  ImapDestination(ImapDestinationSettings settings, DeliveryDialer dialer)
      : settings_(std::move(settings)), dialer_(std::move(dialer)) {}

  std::unique_ptr<delivery::Transport> open() const override {
    return std::make_unique<AppendTransport>(settings_, dialer_);
  }

  Facts probe(std::stop_token stop) const override {
    const auto connection = open_connection(settings_, dialer_, stop);
    Session& session = connection->session;
    Facts facts;
    facts.lines.emplace_back("server", settings_.endpoint.place() + " (" + session.stream().peer() + ") " +
                                           mail::printable(connection->signed_in.greeting, 200));
    add_tls(facts, session);
    facts.lines.emplace_back("signed in by", connection->signed_in.mechanism);
    add_folder(facts, *connection, settings_.folder);
    add_abilities(facts, session, settings_);
    take_leave(*connection);
    return facts;
  }

 private:
  const ImapDestinationSettings settings_;
  const DeliveryDialer dialer_;
};

}  // namespace

std::unique_ptr<delivery::Destination> make_imap_destination(ImapDestinationSettings settings, DeliveryDialer dialer) {
  return std::make_unique<ImapDestination>(std::move(settings), std::move(dialer));
}

}  // namespace mailstead::imap
