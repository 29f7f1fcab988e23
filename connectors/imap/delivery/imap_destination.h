// A remote mailbox as a destination: messages are put into one of its folders by APPEND (RFC 3501 §6.3.11, RFC 9051
// §6.3.12), byte by byte as they are kept here, with their internal date, flags and keywords.
//
// After an attempt whose answer was lost the server is asked for the message before it is sent again: nothing arrives
// twice. MULTIAPPEND (RFC 3502) is of no use here: each message has an answer of its own.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "connectors/destination.h"
#include "connectors/net/deadline.h"
#include "connectors/net/dial.h"
#include "connectors/sasl/client.h"

namespace mailstead::imap {

struct ImapDestinationSettings {
  net::Endpoint endpoint;
  sasl::Credentials credentials;
  // Levels are separated by '/', whatever the server's delimiter; or a special use (RFC 6154), such as "\\Archive".
  std::string folder{"INBOX"};
  std::vector<std::string> labels;  // of Gmail (X-GM-EXT-1), put on every message
  std::size_t messages_per_connection = 1000;
};

// How a connection gets its stream: net::dial, or a server of a test.
using DeliveryDialer = std::function<std::unique_ptr<net::Stream>(const net::Endpoint&, const net::Deadline&)>;

[[nodiscard]] std::unique_ptr<delivery::Destination> make_imap_destination(ImapDestinationSettings settings,
                                                                           DeliveryDialer dialer = net::dial);

}  // namespace mailstead::imap
