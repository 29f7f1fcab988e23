#include <algorithm>
#include <array>
#include <cctype>

#include "connectors/sasl/client.h"
#include "mail/escape.h"

namespace mailstead::sasl {
namespace {

constexpr std::size_t kMaxOfferedText = 200;  // of a server's offer in a message

struct Mechanism {
  std::string_view name;
  bool automatic;      // "auto" may choose it: it needs nothing but a user's password
  bool needs_privacy;  // shows the password, a token, or something that is quickly turned into it
};

// Strongest first.
constexpr std::array<Mechanism, 8> kMechanisms{{
    {"SCRAM-SHA-256", true, false},
    {"SCRAM-SHA-1", true, false},
    {"CRAM-MD5", true, true},
    {"PLAIN", true, true},
    {"LOGIN", true, true},
    {"XOAUTH2", false, true},
    {"OAUTHBEARER", false, true},
    {"EXTERNAL", false, false},
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

}  // namespace

std::vector<std::string> choose_mechanisms(std::span<const std::string> offered, const Credentials& credentials,
                                           bool tls, bool login_command, std::string& why) {
  const bool automatic = credentials.mechanism.empty() || credentials.mechanism == "auto";
  const std::string wanted = upper(credentials.mechanism);
  const bool private_enough = tls || credentials.allow_cleartext;
  std::vector<std::string> chosen;
  bool known = automatic;
  bool held_back = false;
  for (const Mechanism& mechanism : kMechanisms) {
    known = known || mechanism.name == wanted;
    if (automatic ? !mechanism.automatic : mechanism.name != wanted) continue;
    if (!is_offered(offered, mechanism.name)) continue;
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
  else if (automatic)
    why = "the server offers " + offer_text(offered) + ", none of which fits: set \"auth\" to one that it takes";
  else
    why = "the server offers " + offer_text(offered) + ", not " + mail::printable(wanted, 64) +
          ": change \"auth\" (\"auto\" takes the strongest offered)";
  return chosen;
}

}  // namespace mailstead::sasl
