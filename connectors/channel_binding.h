// What ties a sign-in to the TLS connection that it runs over (RFC 5056): whoever sits between has another one.
#pragma once

#include <string>

namespace mailstead::connectors {

struct ChannelBinding {
  std::string type;  // "tls-exporter" (RFC 9266), "tls-unique" or "tls-server-end-point" (RFC 5929)
  std::string data;  // raw octets
};

}  // namespace mailstead::connectors
