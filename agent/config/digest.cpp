// What an account signs in with, in one word that changes when it does.
#include <sys/stat.h>

#include "agent/config/config.h"
#include "mail/digest.h"

#include <string>

namespace mailstead::agent {
namespace {

// Fields are led by their length: no two lists of fields give one text.
void add(std::string& text, std::string_view field) {
  text += std::to_string(field.size());
  text += ':';
  text += field;
}

// A password file that was written anew is a change, though we never look inside for this.
std::string state_of_file(const std::string& path) {
  struct stat facts {};
  if (path.empty() || ::stat(path.c_str(), &facts) != 0) return {};
  return std::to_string(facts.st_mtim.tv_sec) + '.' + std::to_string(facts.st_mtim.tv_nsec) + '/' +
         std::to_string(facts.st_size);
}

}  // namespace

std::string digest_of(const AccountConfig& account) {
  const net::Endpoint& endpoint = account.endpoint;
  const net::TlsSettings& tls = endpoint.tls_settings;
  const sasl::Credentials& credentials = account.credentials;
  std::string text;
  for (std::string_view field :
       {name_of(account.protocol), std::string_view(endpoint.host), std::string_view(endpoint.unix_socket),
        name_of(endpoint.tls), std::string_view(tls.ca_file), std::string_view(tls.fingerprint),
        std::string_view(tls.certificate), std::string_view(tls.key), std::string_view(tls.min_version),
        std::string_view(credentials.user), std::string_view(credentials.mechanism),
        std::string_view(account.secret_origin), std::string_view(account.secret_mark)})
    add(text, field);
  add(text, std::to_string(endpoint.port));
  for (const std::string& pin : tls.pins) add(text, pin);
  for (const std::string& word : endpoint.tunnel) add(text, word);
  if (endpoint.proxy) {
    const net::Proxy& proxy = *endpoint.proxy;
    add(text, std::to_string(static_cast<int>(proxy.kind)) + ":" + std::to_string(proxy.port));
    for (const std::string& field : {proxy.host, proxy.user, proxy.password_origin}) add(text, field);
  }
  add(text, state_of_file(account.secret_file));
  for (bool flag : {tls.verify, tls.insecure, credentials.allow_cleartext}) text += flag ? '1' : '0';
  return mail::to_hex(mail::sha256(text));
}

}  // namespace mailstead::agent
