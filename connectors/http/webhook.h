// A web service as destination: each message is one POST over https, as JSON or as the message itself; or a
// notice of it.
//
// The receiver tells repeats by Idempotency-Key, which stays the same for a delivery however often it is tried, and
// genuine ones by a signature over time and content (HMAC-SHA-256) where a secret is configured (docs/DELIVERY.md).
// 2xx: taken. 400, 409, 410, 413, 415, 422 and the other 4xx: refused for good. 408, 425, 429, 5xx: later. What speaks
// against the address or the sign-in and not against the message (3xx, 401, 403, 404, 405, 407, 429, 503) lets the
// whole destination rest.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "connectors/destination.h"
#include "connectors/http/exchange.h"
#include "connectors/http/url.h"
#include "connectors/net/endpoint.h"
#include "mail/secret.h"

namespace mailstead::http {

enum class WebhookFormat { kJson, kRaw, kNotice };  // kNotice: the JSON without the message

// Fetched anew for each message: a value may be a secret. Throw Failure(kConfiguration).
using SecretFields = std::vector<std::pair<std::string, std::function<mail::Secret()>>>;

struct WebhookSettings {
  net::Endpoint endpoint;  // of the URL
  Url url;
  WebhookFormat format = WebhookFormat::kJson;
  SecretFields fields;                   // of the user's own
  std::function<mail::Secret()> secret;  // for the signature, asked at each message; empty: none is made
  std::string name;                      // of the destination
  std::string instance;                  // distinguishes this data directory from all others
};

[[nodiscard]] std::unique_ptr<delivery::Destination> make_webhook(WebhookSettings settings);

// "sha256=…" over "TIME.CONTENT": what X-Mailstead-Signature says of `content`, given in chunks.
[[nodiscard]] std::string webhook_signature(const mail::Secret& secret, const std::string& time,
                                            const std::function<void(const Visit&)>& content);

}  // namespace mailstead::http
