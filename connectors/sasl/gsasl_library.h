// The handle of GNU SASL and sessions that own themselves. Internal to connectors/sasl.
#pragma once

#include <gsasl.h>

#include <memory>
#include <string>
#include <string_view>

namespace mailstead::sasl {

// Made once, then only read: sessions of several threads may use it together.
[[nodiscard]] Gsasl* library();

// What a session asks its owner for. Called from C: must not let an exception out.
class PropertySource {
 public:
  virtual ~PropertySource() = default;
  [[nodiscard]] virtual int property(Gsasl_session* session, Gsasl_property wanted) noexcept = 0;
};

// Wipes the password GNU SASL has copied before it is freed.
struct FinishSession {
  void operator()(Gsasl_session* session) const noexcept;
};
using Session = std::unique_ptr<Gsasl_session, FinishSession>;

// Null when the library lacks the mechanism. `source` outlives the session.
[[nodiscard]] Session start_client(const char* mechanism, PropertySource& source);
[[nodiscard]] Session start_server(const char* mechanism, PropertySource& source);

struct StepResult {
  int code = GSASL_OK;  // GSASL_OK, GSASL_NEEDS_MORE, or an error
  std::string output;
};
[[nodiscard]] StepResult step(Gsasl_session& session, std::string_view input);

// SASLprep (RFC 4013); the octets as they are where it refuses them (both sides do so alike).
[[nodiscard]] std::string prepared(std::string_view password);

}  // namespace mailstead::sasl
