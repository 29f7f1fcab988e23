// AUTH (RFC 1734, 5034).
#include "connectors/pop3/server/command_table.h"

#include "connectors/pop3/codec/number.h"
#include "connectors/pop3/server/server_session.h"
#include "mail/transfer_encoding.h"

#include <optional>
#include <string>
#include <vector>

namespace mailstead::pop3 {
namespace {

// QUIRK: AUTH without a mechanism lists them for old clients (Outlook Express; expired SASL drafts)
void list_mechanisms(Session& session, const std::vector<std::string>& offered) {
  session.ok("");
  for (const auto& name : offered) session.line(name);
  session.line(".");
}

}  // namespace

void run_auth(Session& session, std::string_view argument) {
  std::string_view mechanism = take_word(argument);
  if (mechanism.empty()) return list_mechanisms(session, sasl::server_mechanisms(session.offer()));
  auto exchange = sasl::make_server_exchange(mechanism, session.context().lookup, session.offer());
  if (exchange && !session.may_try()) return;
  if (!exchange) return session.error("This mechanism is not offered here");
  if (argument.empty()) return session.begin_exchange(std::move(exchange), std::nullopt);
  // RFC 5034 §4: "=" is an initial response of no octets.
  auto response = argument == "=" ? std::optional<std::string>("") : mail::decode_base64(argument);
  if (!response) return session.sign_in_failed();
  session.begin_exchange(std::move(exchange), std::move(response));
}

}  // namespace mailstead::pop3
