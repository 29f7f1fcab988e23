#include "connectors/net/tls_context.h"

#include <openssl/err.h>
#include <sys/stat.h>

#include <chrono>
#include <map>
#include <mutex>
#include <tuple>

#include "connectors/net/tls_sessions.h"
#include "connectors/net/tls_verify.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxCachedContexts = 64;
constexpr std::chrono::hours kContextLifetime{1};

[[noreturn]] void throw_configuration(const std::string& text) {
  throw Failure(FailureKind::kConfiguration, FailureScope::kAccount, text);
}

// What tells one state of a file from another; zeros for a file that is not there.
using FileStamp = std::tuple<dev_t, ino_t, off_t, std::int64_t, long>;

FileStamp stamp_of(const std::string& path) {
  struct stat status {};
  if (path.empty() || ::stat(path.c_str(), &status) != 0) return {};
  return {status.st_dev, status.st_ino, status.st_size, status.st_mtim.tv_sec, status.st_mtim.tv_nsec};
}

// The settings that make a context differ; pin and host belong to the connection.
struct ContextKey {
  bool with_authorities;
  std::string ca_file, certificate, key, min_version;
  auto operator<=>(const ContextKey&) const = default;
};

struct CachedContext {
  ContextPointer context;
  std::chrono::steady_clock::time_point made;
  std::tuple<FileStamp, FileStamp, FileStamp> stamps;
};

std::string hex_of(std::string_view octets) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (char c : octets) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4U];
    hex += kDigits[static_cast<unsigned char>(c) & 15U];
  }
  return hex;
}

class ContextCache {
 public:
  ContextPointer get(const TlsSettings& settings, bool with_authorities);

 private:
  std::mutex mutex_;
  std::map<ContextKey, CachedContext> contexts_;
};

void load_authorities(SSL_CTX* context, const std::string& ca_file) {
  ERR_clear_error();
  if (ca_file.empty()) {
    if (SSL_CTX_set_default_verify_paths(context) != 1)
      throw_configuration("cannot read the system's certificate authorities: " + take_openssl_error());
    return;
  }
  struct stat status {};
  const bool folder = ::stat(ca_file.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  const int loaded =
      folder ? SSL_CTX_load_verify_dir(context, ca_file.c_str()) : SSL_CTX_load_verify_file(context, ca_file.c_str());
  if (loaded != 1)
    throw_configuration("tls_options.ca_file: cannot read " + mail::printable(ca_file) + ": " + take_openssl_error());
  // What the user names is trusted as it is, be it an intermediate authority or the peer's own certificate.
  X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(context), X509_V_FLAG_PARTIAL_CHAIN);
}

void load_client_certificate(SSL_CTX* context, const TlsSettings& settings) {
  if (settings.certificate.empty() && settings.key.empty()) return;
  ERR_clear_error();
  const std::string& key = settings.key.empty() ? settings.certificate : settings.key;
  if (SSL_CTX_use_certificate_chain_file(context, settings.certificate.c_str()) != 1)
    throw_configuration("tls_options.certificate: cannot read " + mail::printable(settings.certificate) + ": " +
                        take_openssl_error());
  if (SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
    throw_configuration("tls_options.key: cannot read " + mail::printable(key) + ": " + take_openssl_error());
}

ContextPointer make_client_context(const TlsSettings& settings, bool with_authorities) {
  ContextPointer context(SSL_CTX_new(TLS_client_method()), FreeContext{});
  if (!context) throw Failure(FailureKind::kTemporary, FailureScope::kSession, "TLS: " + take_openssl_error());
  harden(context.get());
  if (settings.min_version == "1.3") {
    SSL_CTX_set_min_proto_version(context.get(), TLS1_3_VERSION);
  } else if (settings.min_version != "1.2") {
    throw_configuration("tls_options.min_version: \"" + mail::printable(settings.min_version) +
                        "\" is not one of 1.2, 1.3");
  }
  if (with_authorities) load_authorities(context.get(), settings.ca_file);
  load_client_certificate(context.get(), settings);
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(context.get(), verify_peer, nullptr);
  keep_sessions(context.get());
  return context;
}

ContextPointer ContextCache::get(const TlsSettings& settings, bool with_authorities) {
  const ContextKey key{with_authorities, with_authorities ? settings.ca_file : std::string(), settings.certificate,
                       settings.key, settings.min_version};
  const auto stamps = std::tuple(stamp_of(key.ca_file), stamp_of(key.certificate), stamp_of(key.key));
  const auto now = std::chrono::steady_clock::now();
  {
    std::lock_guard lock(mutex_);
    auto found = contexts_.find(key);
    if (found != contexts_.end() && found->second.stamps == stamps && now - found->second.made < kContextLifetime)
      return found->second.context;
  }
  auto context = make_client_context(settings, with_authorities);  // reads files: not under the lock
  std::lock_guard lock(mutex_);
  if (contexts_.size() >= kMaxCachedContexts) contexts_.clear();
  contexts_[key] = {context, now, stamps};
  return context;
}

}  // namespace

bool checks_chain(const TlsSettings& settings) {
  if (!settings.fingerprint.empty() || !settings.pins.empty() || settings.insecure) return false;
  if (!settings.verify)
    throw_configuration(
        "tls_options.verify: false needs tls_options.fingerprint (the peer's certificate), tls_options.pin or "
        "\"insecure\": true");
  return true;
}

ContextPointer client_context(const TlsSettings& settings) {
  static ContextCache cache;
  return cache.get(settings, checks_chain(settings));
}

std::string normalized_pin(const std::string& text) {
  constexpr std::string_view kScheme = "sha256:";
  constexpr std::size_t kHexDigits = 64, kBase64Digits = 44;
  const std::string digits = text.starts_with(kScheme) ? text.substr(kScheme.size()) : "";
  if (digits.size() == kBase64Digits) {
    const auto octets = mail::decode_base64(digits);
    if (octets && octets->size() == kHexDigits / 2) return hex_of(*octets);
  }
  if (digits.size() == kHexDigits) return normalized_fingerprint(digits);
  throw_configuration("tls_options.pin: \"" + mail::printable(text, 128) +
                      "\" is not \"sha256:\" and the 64 hexadecimal or 44 base64 digits of a public key's digest");
}

std::string normalized_fingerprint(const std::string& text) {
  std::string hex;
  for (char c : text) {
    if (c == ':' || c == ' ') continue;
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c - 'A' + 'a');
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
    if (!digit || hex.size() == 64) {
      hex.clear();
      break;
    }
    hex += c;
  }
  if (hex.size() != 64)
    throw_configuration("tls_options.fingerprint: \"" + mail::printable(text, 128) +
                        "\" is not a SHA-256 fingerprint (64 hexadecimal digits)");
  return hex;
}

void harden(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // Gmail and others end without close_notify; mail protocols know by themselves whether an answer was whole.
  SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  SSL_CTX_set_mode(context,
                   SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

std::string take_openssl_error() {
  const unsigned long code = ERR_peek_last_error();
  ERR_clear_error();
  if (code == 0) return "unknown error";
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = ERR_reason_error_string(code);
  return reason != nullptr ? reason : "error " + std::to_string(code);
}

}  // namespace mailstead::net
