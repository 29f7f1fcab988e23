#include "agent/serving/own_certificate.h"

#include "connectors/descriptor.h"
#include "connectors/net/self_signed.h"
#include "connectors/net/tls.h"
#include "mail/failure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>

namespace mailstead::agent {
namespace {

constexpr std::chrono::hours kLifetime{24 * 3650};
constexpr std::chrono::hours kRenewBefore{24 * 30};
constexpr std::chrono::hours kClockSkew{24};

[[noreturn]] void fail(const std::string& path) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, path + ": " + std::strerror(errno));
}

void write_file(const std::string& path, std::string_view bytes) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const connectors::Descriptor file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail(fresh);
  while (!bytes.empty()) {
    const auto written = ::write(file.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(fresh);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(file.get()) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0) fail(path);
}

bool serves(const std::string& path) {
  try {
    (void)net::ServerTls(path, path);
    return true;
  } catch (const mail::Failure&) {
    return false;
  }
}

bool covers(const std::vector<std::string>& has, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const auto& name) { return std::find(has.begin(), has.end(), name) != has.end(); });
}

std::string day_of(mail::WallTime time) {
  const std::time_t seconds = time.time_since_epoch().count();
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  return fmt::format("{:04}-{:02}-{:02}", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
}

// An IPv6 address as a certificate's text shows it, however it was written; anything else as it is.
std::string usual_form(const std::string& host) {
  in6_addr address{};
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (::inet_pton(AF_INET6, host.c_str(), &address) != 1) return host;
  const char* written = ::inet_ntop(AF_INET6, &address, text.data(), text.size());
  return written == nullptr ? host : written;
}

}  // namespace

std::vector<std::string> own_names(const Config& config) {
  std::vector<std::string> names;
  const auto add = [&](std::string name) {
    const bool any = name.empty() || name == "*" || name == "0.0.0.0" || name == "::";
    if (!any && std::find(names.begin(), names.end(), name) == names.end()) names.push_back(std::move(name));
  };
  add(config.host_name);
  add("localhost");
  for (const auto& [name, listener] : config.listeners) {
    if (!listener.own_certificate) continue;
    std::string host = listener.address.substr(0, listener.address.rfind(':'));
    if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
    add(usual_form(host));
  }
  add("127.0.0.1");
  add("::1");
  return names;
}

std::string spelled_fingerprint(const std::string& hex) {
  std::string text;
  for (std::size_t i = 0; i < hex.size(); ++i) {
    if (i > 0 && i % 2 == 0) text += ':';
    text += static_cast<char>(std::toupper(static_cast<unsigned char>(hex[i])));
  }
  return text;
}

std::string own_certificate(const Config& config, const mail::Clock& clock, Log& log) {
  const std::string folder = config.data_dir + "/tls";
  const std::string path = folder + "/self-signed.pem";
  const auto names = own_names(config);
  const auto now = clock.wall();
  auto found = net::read_certificate(path);
  if (!found || found->until - now < kRenewBefore || !covers(found->names, names) || !serves(path)) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) fail(folder);
    write_file(path, net::make_self_signed(names, now - kClockSkew, now + kLifetime).reveal());
    log.info(fmt::format("{} certificate was made for {}", found ? "another" : "a", fmt::join(names, ", ")));
    found = net::read_certificate(path);
    if (!found) fail(path);
  }
  log.info(fmt::format("our own certificate ({}, until {}) has the SHA-256 fingerprint {}", path, day_of(found->until),
                       spelled_fingerprint(found->fingerprint)));
  return path;
}

}  // namespace mailstead::agent
