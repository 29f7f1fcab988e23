#include <algorithm>
#include <array>
#include <cctype>

#include "connectors/sasl/client.h"
#include "connectors/sasl/scram.h"
#include "mail/escape.h"

namespace mailstead::sasl {
namespace {

constexpr std::size_t kMaxOfferedText = 200;  // of a server's offer in a message

struct Mechanism {
  std::string_view name;
  bool automatic;      // "auto" may choose it: it needs nothing but a user's password
  bool needs_privacy;  // shows the password, a token, or something that is quickly turned into it
  bool shows;          // the server sees the password or the token itself
};

// Strongest first.
constexpr std::array<Mechanism, 11> kMechanisms{{
    {"SCRAM-SHA-256-PLUS", true, false, false},
    {"SCRAM-SHA-1-PLUS", true, false, false},
    {"SCRAM-SHA-256", true, false, false},
    {"SCRAM-SHA-1", true, false, false},
    {"CRAM-MD5", true, true, false},
    {"PLAIN", true, true, true},
    {"LOGIN", true, true, true},
    {"OAUTHBEARER", false, true, true},
    {"XOAUTH2", false, true, true},
    {"GSSAPI", false, false, false},
    {"EXTERNAL", false, false, false},
}};

std::string upper(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return result;
}

std::string offer_text(std::span<const std::string> offered) {
  std::string text;
  for (const std::string& one : offered) text += (text.empty() ? "" : " ") + one;
  return text.empty() ? "no mechanism" : mail::printable(text, kMaxOfferedText);
}

bool is_offered(std::span<const std::string> offered, std::string_view name) {
  return std::any_of(offered.begin(), offered.end(), [&](const std::string& one) { return upper(one) == name; });
}

// "scram-sha-256" is SCRAM-SHA-256-PLUS, too.
bool is_wanted(const Mechanism& mechanism, const std::string& wanted) {
  return mechanism.name == wanted || (mechanism.name.ends_with(kPlus) && mechanism.name == wanted + std::string(kPlus));
}

}  // namespace

bool shows_password(std::string_view mechanism) {
  const std::string name = upper(mechanism);
  const auto found =
      std::find_if(kMechanisms.begin(), kMechanisms.end(), [&](const auto& one) { return one.name == name; });
  return found == kMechanisms.end() || found->shows;  // LOGIN and USER/PASS of the protocols, too
}

std::optional<connectors::ChannelBinding> binding_for(const std::string& mechanism,
                                                      std::span<const std::string> offered,
                                                      const std::optional<connectors::ChannelBinding>& channel) {
  const std::string name = upper(mechanism);
  const bool offers_plus = is_offered(offered, "SCRAM-SHA-256-PLUS") || is_offered(offered, "SCRAM-SHA-1-PLUS");
  return name.ends_with(kPlus) || !offers_plus ? channel : std::nullopt;
}

std::vector<std::string> choose_mechanisms(std::span<const std::string> offered, const Credentials& credentials,
                                           bool tls, bool login_command, std::string& why, bool can_bind) {
  const bool automatic = credentials.mechanism.empty() || credentials.mechanism == "auto";
  const std::string wanted = upper(credentials.mechanism);
  const bool private_enough = tls || credentials.allow_cleartext;
  std::vector<std::string> chosen;
  bool known = automatic;
  bool held_back = false;
  bool unbound = false;
  for (const Mechanism& mechanism : kMechanisms) {
    known = known || mechanism.name == wanted;
    if (automatic ? !mechanism.automatic : !is_wanted(mechanism, wanted)) continue;
    if (!is_offered(offered, mechanism.name)) continue;
    if (mechanism.name.ends_with(kPlus) && !can_bind) {
      unbound = true;
      continue;
    }
    if (mechanism.needs_privacy && !private_enough)
      held_back = true;
    else
      chosen.emplace_back(mechanism.name);
  }
  if (login_command && (automatic || wanted == "LOGIN")) {
    if (private_enough)
      chosen.emplace_back();
    else
      held_back = true;
  }
  if (!chosen.empty()) return chosen;
  if (!known)
    why = "auth \"" + mail::printable(credentials.mechanism, 64) + "\" is not supported here";
  else if (held_back)
    why = "the server offers " + offer_text(offered) +
          ", which would send the password in the clear: set \"tls\", or \"allow_cleartext\": true";
  else if (unbound)
    why = "the server offers " + offer_text(offered) +
          ", but this connection has nothing to bind to: TLS 1.3 has, and TLS 1.2 with the extended master secret";
  else if (automatic)
    why = "the server offers " + offer_text(offered) + ", none of which fits: set \"auth\" to one that it takes";
  else
    why = "the server offers " + offer_text(offered) + ", not " + mail::printable(wanted, 64) +
          ": change \"auth\" (\"auto\" takes the strongest offered)";
  return chosen;
}

}  // namespace mailstead::sasl
