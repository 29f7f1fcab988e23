#include "connectors/net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::milliseconds kWaitSlice{250};
// getaddrinfo cannot be interrupted: a lookup that nobody waits for any more keeps its thread until the system's
// resolver gives up (tens of seconds). So many may do so at once; further lookups wait for a place.
constexpr unsigned kMaxLookups = 32;

// Shared by the caller and the lookup thread, whichever lives longer.
struct Lookup {
  std::mutex mutex;
  std::condition_variable done_changed;
  bool done = false;
  int error = 0;
  int system_error = 0;
  std::vector<SocketAddress> addresses;
};

struct Places {
  std::mutex mutex;
  std::condition_variable changed;
  unsigned taken = 0;
};

// Never destroyed: a lookup thread may end after static destruction began.
Places& places() {
  static auto* const instance = new Places;
  return *instance;
}

int look_up(const std::string& host, std::uint16_t port, int flags, std::vector<SocketAddress>& into) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = flags | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (error != 0) return error;
  for (const addrinfo* one = found; one != nullptr && into.size() < kMaxAddresses; one = one->ai_next) {
    SocketAddress address;
    if (one->ai_addrlen > sizeof(address.storage)) continue;
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    address.size = one->ai_addrlen;
    into.push_back(address);
  }
  ::freeaddrinfo(found);
  return 0;
}

// Waits in slices until ready() under the lock; the deadline and the stop token end it.
template <typename Ready>
void wait_until(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, const Deadline& deadline,
                const std::string& host, Ready ready) {
  while (!ready()) {
    if (deadline.stop.stop_requested())
      throw Failure(FailureKind::kCancelled, FailureScope::kSession, host + ": stopped on request");
    const auto now = std::chrono::steady_clock::now();
    if (now >= deadline.at)
      throw Failure(FailureKind::kTemporary, FailureScope::kSession, host + ": name lookup took too long");
    changed.wait_until(lock, std::min<mail::SteadyTime>(deadline.at, now + kWaitSlice));
  }
}

void take_place(const Deadline& deadline, const std::string& host) {
  std::unique_lock lock(places().mutex);
  wait_until(lock, places().changed, deadline, host, [] { return places().taken < kMaxLookups; });
  ++places().taken;
}

void give_place() {
  {
    std::lock_guard lock(places().mutex);
    --places().taken;
  }
  places().changed.notify_one();
}

void run_lookup(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port) {
  std::vector<SocketAddress> addresses;
  const int error = look_up(host, port, AI_ADDRCONFIG, addresses);
  const int system_error = errno;
  {
    std::lock_guard lock(lookup->mutex);
    lookup->error = error;
    lookup->system_error = system_error;
    lookup->addresses = std::move(addresses);
    lookup->done = true;
  }
  lookup->done_changed.notify_all();
  give_place();
}

void start_lookup(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port) {
  try {
    std::thread([lookup, host, port] { run_lookup(lookup, host, port); }).detach();
  } catch (const std::system_error& error) {
    give_place();
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, "no thread for a name lookup", error.what());
  }
}

std::string lookup_error_text(int error, int system_error) {
  if (error == EAI_NONAME || error == EAI_NODATA) return "unknown host";
  if (error == EAI_SYSTEM) return "name lookup failed: " + std::generic_category().message(system_error);
  return std::string("name lookup failed: ") + ::gai_strerror(error);
}

const sockaddr_in& as_v4(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in&>(address.storage);
}
const sockaddr_in6& as_v6(const SocketAddress& address) {
  return reinterpret_cast<const sockaddr_in6&>(address.storage);
}

}  // namespace

std::string host_text(const SocketAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* written = nullptr;
  if (address.storage.ss_family == AF_INET)
    written = ::inet_ntop(AF_INET, &as_v4(address).sin_addr, text.data(), text.size());
  else if (address.storage.ss_family == AF_INET6)
    written = ::inet_ntop(AF_INET6, &as_v6(address).sin6_addr, text.data(), text.size());
  return written != nullptr ? written : "local";
}

std::string host_port_text(const SocketAddress& address) {
  const std::string host = host_text(address);
  if (address.storage.ss_family == AF_INET6) return "[" + host + "]:" + std::to_string(port_of(address));
  return address.storage.ss_family == AF_INET ? host + ":" + std::to_string(port_of(address)) : host;
}

std::uint16_t port_of(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) return ntohs(as_v4(address).sin_port);
  return address.storage.ss_family == AF_INET6 ? ntohs(as_v6(address).sin6_port) : 0;
}

bool is_loopback(const SocketAddress& address) {
  if (address.storage.ss_family == AF_INET) return (ntohl(as_v4(address).sin_addr.s_addr) >> 24U) == 127;
  if (address.storage.ss_family == AF_UNIX) return true;
  if (address.storage.ss_family != AF_INET6) return false;
  const in6_addr& bytes = as_v6(address).sin6_addr;
  return IN6_IS_ADDR_LOOPBACK(&bytes) || (IN6_IS_ADDR_V4MAPPED(&bytes) && bytes.s6_addr[12] == 127);
}

std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port, const Deadline& deadline) {
  const std::string shown = mail::printable(host, 256);
  std::vector<SocketAddress> addresses;
  std::string numeric = host;
  if (numeric.size() > 2 && numeric.front() == '[' && numeric.back() == ']')
    numeric = numeric.substr(1, numeric.size() - 2);
  if (look_up(numeric, port, AI_NUMERICHOST, addresses) == 0 && !addresses.empty()) return addresses;

  take_place(deadline, shown);
  auto lookup = std::make_shared<Lookup>();
  start_lookup(lookup, host, port);
  std::unique_lock lock(lookup->mutex);
  wait_until(lock, lookup->done_changed, deadline, shown, [&] { return lookup->done; });
  if (lookup->error != 0 || lookup->addresses.empty())
    throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                  shown + ": " + lookup_error_text(lookup->error, lookup->system_error));
  return std::move(lookup->addresses);
}

}  // namespace mailstead::net
