// AUTH (RFC 4954): the exchange of a SASL mechanism over the conversation. The mechanisms are sasl/'s.
#pragma once

#include "connectors/smtp/relay.h"
#include "connectors/smtp/session.h"

namespace mailstead::smtp {

// Tries the mechanisms that fit, strongest first; goes on to the next only when the server says that it is the
// mechanism it does not like, never after a refused password. Throws as open_session() says.
void sign_in(Session& session, const RelaySettings& settings);

}  // namespace mailstead::smtp
