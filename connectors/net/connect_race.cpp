#include "connectors/net/connect_race.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <deque>
#include <system_error>

#include "connectors/descriptor.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::net {
namespace {

using connectors::Descriptor;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::chrono::milliseconds kWaitSlice{250};  // how late a stop request may be seen

std::string error_text(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

class Race {
 public:
  Race(const std::string& who, AddressFeed& feed, const std::string& source_address) : who_(who), feed_(feed) {
    if (source_address.empty()) return;
    source_ = numeric_address(source_address, 0);
    if (!source_)
      throw Failure(FailureKind::kConfiguration, FailureScope::kAccount,
                    "source_address: \"" + mail::printable(source_address, 64) + "\" is no IP address");
  }

  std::unique_ptr<SocketStream> run(const Deadline& deadline) {
    for (;;) {
      check_deadline(deadline, who_);
      absorb();
      if (may_start()) {
        if (auto stream = start(next_address())) return stream;
        continue;
      }
      if (attempts_.empty() && queue_is_empty() && unanswered_ == 0) fail();
      if (auto stream = wait(deadline)) return stream;
    }
  }

 private:
  struct Attempt {
    Descriptor descriptor;
    SocketAddress address;
  };
  using Clock = std::chrono::steady_clock;

  void absorb() {
    for (AddressFeed::Answer& answer : feed_.take()) {
      --unanswered_;
      const bool six = answer.family == AF_INET6;
      // Of the rest only the one family is missing: no reason to hold back what is here.
      hold_until_ = six || unanswered_ == 0 ? Clock::time_point{} : Clock::now() + kResolutionDelay;
      if (answer.addresses.empty()) note(answer.error);
      auto& queue = six ? six_ : four_;
      queue.insert(queue.end(), answer.addresses.begin(), answer.addresses.end());
    }
  }

  // "unknown host" says least: the other family may have failed for a reason.
  void note(const std::string& lookup_error) {
    if (lookup_error_.empty() || lookup_error_ == "unknown host") lookup_error_ = lookup_error;
  }

  [[nodiscard]] bool queue_is_empty() const { return six_.empty() && four_.empty(); }

  [[nodiscard]] Clock::time_point next_start() const { return any_started_ ? next_at_ : hold_until_; }
  [[nodiscard]] bool may_start() const { return !queue_is_empty() && Clock::now() >= next_start(); }

  SocketAddress next_address() {
    auto& queue = four_.empty() || (six_next_ && !six_.empty()) ? six_ : four_;
    six_next_ = &queue == &four_;
    SocketAddress address = queue.front();
    queue.pop_front();
    return address;
  }

  // Null: under way, or failed already.
  std::unique_ptr<SocketStream> start(const SocketAddress& address) {
    any_started_ = true;
    next_at_ = {};
    if (source_ && source_->storage.ss_family != address.storage.ss_family) {
      if (last_error_.empty()) last_error_ = "has no address of source_address's family";
      return nullptr;
    }
    Descriptor descriptor(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
    if (!descriptor) return failed(errno);
    set_socket_options(descriptor.get());
    if (source_ && !bind_to_source(descriptor.get())) return nullptr;
    if (::connect(descriptor.get(), address.get(), address.size) == 0)
      return std::make_unique<SocketStream>(descriptor.release(), host_port_text(address));
    if (errno != EINPROGRESS && errno != EINTR) return failed(errno);
    attempts_.push_back({std::move(descriptor), address});
    next_at_ = Clock::now() + kAttemptDelay;
    return nullptr;
  }

  bool bind_to_source(int descriptor) {
    const int on = 1;  // the port is chosen by the connection, of which there may be many to different hosts
    ::setsockopt(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (::bind(descriptor, source_->get(), source_->size) == 0) return true;
    last_error_ = "cannot use source_address " + host_text(*source_) + ": " + error_text(errno);
    return false;
  }

  std::nullptr_t failed(int error) {
    last_error_ = error_text(error);
    next_at_ = {};  // this one is decided: no reason to hold the next one up
    return nullptr;
  }

  std::unique_ptr<SocketStream> wait(const Deadline& deadline) {
    std::vector<pollfd> waited;
    for (const Attempt& attempt : attempts_) waited.push_back({attempt.descriptor.get(), POLLOUT, 0});
    waited.push_back({unanswered_ > 0 ? feed_.descriptor() : -1, POLLIN, 0});
    auto until = deadline.at;
    if (!queue_is_empty()) until = std::min<mail::SteadyTime>(until, next_start());
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    const auto slice = std::clamp(left, std::chrono::milliseconds(0), kWaitSlice);
    if (::poll(waited.data(), waited.size(), static_cast<int>(slice.count())) <= 0) return nullptr;
    for (std::size_t i = attempts_.size(); i-- > 0;)
      if (waited[i].revents != 0)
        if (auto stream = decide(i)) return stream;
    return nullptr;
  }

  std::unique_ptr<SocketStream> decide(std::size_t index) {
    Attempt attempt = std::move(attempts_[index]);
    attempts_.erase(attempts_.begin() + static_cast<std::ptrdiff_t>(index));
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(attempt.descriptor.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return failed(error);
    return std::make_unique<SocketStream>(attempt.descriptor.release(), host_port_text(attempt.address));
  }

  [[noreturn]] void fail() const {
    throw Failure(FailureKind::kTemporary, FailureScope::kSession,
                  who_ + ": " + (any_started_ ? last_error_ : lookup_error_));
  }

  const std::string& who_;
  AddressFeed& feed_;
  std::optional<SocketAddress> source_;
  std::deque<SocketAddress> six_, four_;  // not yet tried
  int unanswered_ = 2;                    // families
  bool six_next_ = true;
  bool any_started_ = false;
  Clock::time_point hold_until_, next_at_;
  std::vector<Attempt> attempts_;
  std::string last_error_, lookup_error_;
};

}  // namespace

void set_socket_options(int descriptor) {
  const int on = 1;
  ::setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  ::setsockopt(descriptor, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

std::unique_ptr<SocketStream> connect_first(const std::string& who, AddressFeed& feed,
                                            const std::string& source_address, const Deadline& deadline) {
  return Race(who, feed, source_address).run(deadline);
}

}  // namespace mailstead::net
