#include "agent/control/socket.h"

#include "connectors/net/buffered_reader.h"
#include "connectors/net/dial.h"
#include "mail/failure.h"

#include <nlohmann/json.hpp>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <mutex>

namespace mailstead::agent::control {

namespace {

constexpr std::size_t kMaxLine = 1024 * 1024;
constexpr std::chrono::seconds kPatience{5};
constexpr int kBacklog = 16;

std::string path_in(const std::string& data_dir) {
  return data_dir + "/control";
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kProcess,
                        path + ": too long for a socket's name: choose a shorter data_dir");
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

int listen_on(const std::string& path) {
  const auto address = address_of(path);
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  ::unlink(path.c_str());
  const mode_t before = ::umask(0177);
  const bool bound =
      descriptor >= 0 && ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int error = errno;
  ::umask(before);
  if (bound && ::listen(descriptor, kBacklog) == 0) return descriptor;
  if (descriptor >= 0) ::close(descriptor);
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, path + ": " + std::strerror(error));
}

void answer(int descriptor, const Handler& handler, const std::stop_token& stop) {
  auto stream = net::adopt_descriptor(descriptor);
  const auto deadline = net::Deadline::in(kPatience, stop);
  net::BufferedReader reader(*stream);
  const auto request = nlohmann::json::parse(reader.read_line(kMaxLine, deadline), nullptr, false);
  const auto reply =
      request.is_object() ? handler(request) : nlohmann::json{{"ok", false}, {"error", "malformed request"}};
  stream->write_all(reply.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n", deadline);
}

}  // namespace

struct Socket::State : std::enable_shared_from_this<Socket::State> {
  State(std::string path_in_dir, Handler handler_in, net::ParkingLot& lot_in, net::WorkerPool& pool_in)
      : path(std::move(path_in_dir)),
        handler(std::move(handler_in)),
        lot(lot_in),
        pool(pool_in),
        listening(listen_on(path)) {}
  ~State() { ::close(listening); }

  // The descriptor stays open until the parked wake has gone.
  void wait() {
    std::lock_guard lock(mutex);
    if (stopped) return;
    ticket = lot.park(listening, net::Interest::kRead, mail::SteadyTime::max(),
                      [self = shared_from_this()](net::WakeReason reason) {
                        if (reason == net::WakeReason::kReady) self->accept_all();
                      });
  }

  void accept_all() {
    for (;;) {
      const int peer = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (peer < 0) break;
      const bool taken = pool.submit(
          [self = shared_from_this(), peer](const std::stop_token& stop) { answer(peer, self->handler, stop); });
      if (!taken) ::close(peer);
    }
    wait();
  }

  const std::string path;
  const Handler handler;
  net::ParkingLot& lot;
  net::WorkerPool& pool;
  const int listening;
  std::mutex mutex;
  net::ParkingLot::Ticket ticket = 0;
  bool stopped = false;
};

Socket::Socket(const std::string& data_dir, Handler handler, net::ParkingLot& lot, net::WorkerPool& pool)
    : state_(std::make_shared<State>(path_in(data_dir), std::move(handler), lot, pool)) {
  state_->wait();
}

Socket::~Socket() {
  {
    std::lock_guard lock(state_->mutex);
    state_->stopped = true;
  }
  state_->lot.notify(state_->ticket);
  ::unlink(state_->path.c_str());
}

std::optional<nlohmann::json> ask(const std::string& data_dir, const nlohmann::json& request) {
  const auto address = address_of(path_in(data_dir));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return std::nullopt;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    ::close(descriptor);
    return std::nullopt;
  }
  auto stream = net::adopt_descriptor(descriptor);
  const auto deadline = net::Deadline::in(kPatience);
  stream->write_all(request.dump() + "\n", deadline);
  net::BufferedReader reader(*stream);
  auto reply = nlohmann::json::parse(reader.read_line(kMaxLine, deadline), nullptr, false);
  if (!reply.is_object())
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess,
                        "the running agent gave no answer");
  return reply;
}

}  // namespace mailstead::agent::control
