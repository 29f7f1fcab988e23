// How we sign in: user, password, auth, allow_cleartext.
#include "agent/config/secret_source.h"
#include "agent/config/sections.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 13> kMechanisms = {
    {{"auto", "auto"},
     {"plain", "plain"},
     {"login", "login"},
     {"cram-md5", "cram-md5"},
     {"scram-sha-1", "scram-sha-1"},
     {"scram-sha-256", "scram-sha-256"},
     {"scram-sha-1-plus", "scram-sha-1-plus"},
     {"scram-sha-256-plus", "scram-sha-256-plus"},
     {"gssapi", "gssapi"},
     {"xoauth2", "xoauth2"},
     {"oauthbearer", "oauthbearer"},
     {"external", "external"},
     {"apop", "apop"}}};

// Whether the mechanism may show the password (or a token as good as one) to whoever listens.
bool shows_password(std::string_view mechanism) noexcept {
  return mechanism == "auto" || mechanism == "plain" || mechanism == "login" || mechanism == "xoauth2" ||
         mechanism == "oauthbearer";
}

}  // namespace

void read_sign_in(Section& section, const net::Endpoint& endpoint, SignInUse use, sasl::Credentials& credentials,
                  SecretPlace place) {
  credentials.user = section.text("user").value_or("");
  credentials.mechanism = section.choice("auth", kMechanisms, {"digest-md5", "ntlm"}).value_or("auto");
  credentials.allow_cleartext = section.flag("allow_cleartext").value_or(false);
  if (credentials.mechanism == "apop" && use != SignInUse::kPop3) section.fault("auth", "\"apop\" is of POP3 only");

  SecretSource secret = read_secret(section, "password", endpoint.host, credentials.user);
  credentials.password = secret.fetch;
  place.origin = secret.origin;
  place.file = secret.file;
  place.mark = secret.mark;

  const bool may_be_known = use == SignInUse::kImap && endpoint.is_private_line();
  bool wants_password = credentials.mechanism != "external" && credentials.mechanism != "gssapi" && !may_be_known;
  if (section.has("user") && wants_password && !section.has("password"))
    section.fault({}, "\"password\" is missing", R"(a string, or {"file": …}, {"env": …}, {"command": […]})");
  if (section.has("password") && !section.has("user") && use == SignInUse::kSmtp)
    section.fault("password", "a password without \"user\"");
  bool in_the_clear = endpoint.tls == net::TlsMode::kNone && section.has("password") &&
                      shows_password(credentials.mechanism) && !credentials.allow_cleartext;
  const bool seen_by_others = endpoint.proxy || !is_loopback(endpoint.host);
  if (in_the_clear && !endpoint.host.empty() && !endpoint.is_private_line() && seen_by_others)
    section.fault("tls", "\"none\" would show the password to anyone between",
                  "take starttls or implicit, or \"auth\": \"scram-sha-256\", or \"allow_cleartext\": true");
}

}  // namespace mailstead::agent
