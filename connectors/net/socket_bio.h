// An OpenSSL BIO over a socket that never raises SIGPIPE (OpenSSL's own uses write(2)). Internal to connectors/net.
#pragma once

#include <openssl/bio.h>

namespace mailstead::net {

// Null when out of memory. The descriptor stays the caller's.
[[nodiscard]] BIO* make_socket_bio(int descriptor);

}  // namespace mailstead::net
