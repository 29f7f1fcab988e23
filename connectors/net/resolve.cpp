#include "connectors/net/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "connectors/descriptor.h"
#include "connectors/net/socket_stream.h"
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
constexpr unsigned kMaxLookups = 64;

// Shared by the feed and the lookup threads, whichever live longest.
struct Lookup {
  std::mutex mutex;
  std::vector<AddressFeed::Answer> answers;
  connectors::Descriptor event{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
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

int look_up(const std::string& host, std::uint16_t port, int family, int flags, std::vector<SocketAddress>& into) {
  addrinfo hints{};
  hints.ai_family = family;
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

std::string lookup_error_text(int error, int system_error) {
  if (error == EAI_NONAME || error == EAI_NODATA) return "unknown host";
  if (error == EAI_SYSTEM) return "name lookup failed: " + std::generic_category().message(system_error);
  return std::string("name lookup failed: ") + ::gai_strerror(error);
}

void run_lookup(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port, int family) {
  AddressFeed::Answer answer{family, {}, {}};
  // Of a single family AI_ADDRCONFIG would hide ::1 on a machine without a network; what cannot be reached fails at
  // once.
  const int flags = family == AF_UNSPEC ? AI_ADDRCONFIG : 0;
  const int error = look_up(host, port, family, flags, answer.addresses);
  if (answer.addresses.empty()) answer.error = lookup_error_text(error, errno);
  {
    std::lock_guard lock(lookup->mutex);
    lookup->answers.push_back(std::move(answer));
  }
  const std::uint64_t one = 1;
  (void)!::write(lookup->event.get(), &one, sizeof(one));
  give_place();
}

void start_thread(const std::shared_ptr<Lookup>& lookup, const std::string& host, std::uint16_t port, int family) {
  try {
    std::thread([lookup, host, port, family] { run_lookup(lookup, host, port, family); }).detach();
  } catch (const std::system_error& error) {
    give_place();
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, "no thread for a name lookup", error.what());
  }
}

class NameFeed final : public AddressFeed {
 public:
  NameFeed(const std::string& host, std::uint16_t port, std::initializer_list<int> families, const Deadline& deadline) {
    if (!lookup_->event)
      throw Failure(FailureKind::kTemporary, FailureScope::kSession, "no descriptor for a name lookup");
    for (int family : families) {
      take_place(deadline, mail::printable(host, 256));
      start_thread(lookup_, host, port, family);
    }
  }
  [[nodiscard]] int descriptor() const override { return lookup_->event.get(); }
  [[nodiscard]] std::vector<Answer> take() override {
    std::uint64_t count = 0;
    (void)!::read(lookup_->event.get(), &count, sizeof(count));
    std::lock_guard lock(lookup_->mutex);
    return std::exchange(lookup_->answers, {});
  }

 private:
  const std::shared_ptr<Lookup> lookup_ = std::make_shared<Lookup>();
};

class NumericFeed final : public AddressFeed {
 public:
  explicit NumericFeed(const SocketAddress& address) : address_(address) {}
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] std::vector<Answer> take() override {
    if (std::exchange(taken_, true)) return {};
    const int family = address_.storage.ss_family;
    return {{family, {address_}, {}}, {family == AF_INET ? AF_INET6 : AF_INET, {}, "unknown host"}};
  }

 private:
  const SocketAddress address_;
  bool taken_ = false;
};

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

std::optional<SocketAddress> numeric_address(const std::string& text, std::uint16_t port) {
  std::string numeric = text;
  if (numeric.size() > 2 && numeric.front() == '[' && numeric.back() == ']')
    numeric = numeric.substr(1, numeric.size() - 2);
  std::vector<SocketAddress> found;
  if (look_up(numeric, port, AF_UNSPEC, AI_NUMERICHOST, found) != 0 || found.empty()) return std::nullopt;
  return found.front();
}

std::unique_ptr<AddressFeed> start_lookup(const std::string& host, std::uint16_t port, const Deadline& deadline) {
  if (const auto address = numeric_address(host, port)) return std::make_unique<NumericFeed>(*address);
  return std::make_unique<NameFeed>(host, port, std::initializer_list<int>{AF_INET6, AF_INET}, deadline);
}

std::vector<SocketAddress> resolve(const std::string& host, std::uint16_t port, const Deadline& deadline) {
  if (auto address = numeric_address(host, port)) return {*address};
  const std::string shown = mail::printable(host, 256);
  NameFeed feed(host, port, {AF_UNSPEC}, deadline);
  auto answers = feed.take();
  for (; answers.empty(); answers = feed.take())
    wait_ready(feed.descriptor(), POLLIN, deadline, shown + ": name lookup");
  if (!answers.front().error.empty())
    throw Failure(FailureKind::kTemporary, FailureScope::kSession, shown + ": " + answers.front().error);
  return std::move(answers.front().addresses);
}

}  // namespace mailstead::net
