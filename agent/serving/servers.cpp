#include "agent/serving/servers.h"

#include "agent/serving/last_uses.h"
#include "agent/version.h"
#include "connectors/imap/server/session.h"
#include "connectors/pop3/server/session.h"

#include <fmt/format.h>

#include <map>
#include <mutex>

namespace mailstead::agent {

namespace {

// Two configurations of one listener that need no new socket.
bool same(const ListenerConfig& a, const ListenerConfig& b) {
  return a.service == b.service && a.address == b.address && a.tls == b.tls && a.certificate == b.certificate &&
         a.key == b.key && a.max_connections == b.max_connections &&
         a.max_connections_per_address == b.max_connections_per_address;
}

}  // namespace

struct Servers::State {
  State(storage::Store& store_in, const mail::Clock& clock_in, Log& log_in, net::ParkingLot& lot_in,
        net::WorkerPool& pool_in)
      : store(store_in), clock(clock_in), log(log_in), lot(lot_in), pool(pool_in) {
    door.signed_in = [this](const sasl::Identity& identity) { last_uses.note(identity, clock.wall()); };
  }

  storage::Store& store;
  const mail::Clock& clock;
  Log& log;
  net::ParkingLot& lot;
  net::WorkerPool& pool;
  std::shared_ptr<pop3::MaildropLocks> maildrops = pop3::make_maildrop_locks();
  LastUses last_uses;
  sasl::Doorkeeper door;

  struct Open {
    ListenerConfig config;
    std::unique_ptr<net::Listener> listener;
  };
  mutable std::mutex mutex;  // guards listeners
  std::map<std::string, Open> listeners;

  [[nodiscard]] net::ServerSessionFactory factory(const ListenerConfig& config, const std::string& host_name) const {
    const bool starttls = config.tls == net::TlsMode::kStartTls;
    if (config.service == ListenerConfig::Service::kPop3) {
      pop3::ServerContext context{store, key_lookup(store), clock, host_name, starttls, maildrops, door};
      return pop3::make_session_factory(std::move(context));
    }
    imap::ServerContext context{.store = store, .keys = key_lookup(store), .clock = clock, .version = kVersion};
    context.host_name = host_name;
    context.starttls_available = starttls;
    context.door = door;
    return imap::make_session_factory(std::move(context));
  }

  [[nodiscard]] std::unique_ptr<net::Listener> open(const ListenerConfig& config, const std::string& host_name) {
    net::ListenerSettings settings;
    settings.name = config.name;
    settings.address = config.address;
    settings.tls = config.tls;
    if (config.tls != net::TlsMode::kNone)
      settings.server_tls = std::make_shared<const net::ServerTls>(config.certificate, config.key);
    settings.max_connections = config.max_connections;
    settings.max_connections_per_address = config.max_connections_per_address;
    return std::make_unique<net::Listener>(settings, factory(config, host_name), lot, pool,
                                           [this](const std::string& line) { log.info(line); });
  }
};

Servers::Servers(storage::Store& store, const mail::Clock& clock, Log& log, net::ParkingLot& lot, net::WorkerPool& pool)
    : state_(std::make_unique<State>(store, clock, log, lot, pool)) {}

Servers::~Servers() {
  stop();
}

void Servers::apply(const Config& config) {
  std::lock_guard lock(state_->mutex);
  std::vector<std::string> to_close;
  for (auto& [name, open] : state_->listeners) {
    auto wanted = config.listeners.find(name);
    // A certificate is read again at each reload: it may have been renewed under the same name.
    if (wanted == config.listeners.end() || !same(open.config, wanted->second) ||
        open.config.tls != net::TlsMode::kNone)
      to_close.push_back(name);
  }
  // The certificates are tried before a port is given up for them.
  for (const auto& name : to_close)
    if (auto wanted = config.listeners.find(name);
        wanted != config.listeners.end() && wanted->second.tls != net::TlsMode::kNone)
      (void)net::ServerTls(wanted->second.certificate, wanted->second.key);
  for (const auto& name : to_close) state_->listeners.erase(name);
  for (const auto& [name, wanted] : config.listeners) {
    if (state_->listeners.contains(name)) continue;
    auto listener = state_->open(wanted, config.host_name);
    state_->log.info(fmt::format("{} listens on {}", name, listener->address()));
    state_->listeners.emplace(name, State::Open{wanted, std::move(listener)});
  }
}

std::vector<ListenerFacts> Servers::facts() const {
  std::lock_guard lock(state_->mutex);
  std::vector<ListenerFacts> all;
  for (const auto& [name, open] : state_->listeners)
    all.push_back(
        {name, open.listener->address(), std::string(name_of(open.config.tls)), open.listener->connections()});
  return all;
}

void Servers::end_sessions(const std::string& user, const std::optional<std::string>& app_password) {
  if (app_password)
    state_->door.sessions->end(user, *app_password);
  else
    state_->door.sessions->end(user);
}

bool Servers::uses_due() const {
  return state_->last_uses.due();
}

void Servers::write_uses() {
  state_->last_uses.write(state_->store.users());
}

void Servers::stop() noexcept {
  std::lock_guard lock(state_->mutex);
  state_->listeners.clear();
  try {
    write_uses();
  } catch (const mail::Failure& failure) {
    state_->log.warning("the last uses of app passwords were not written: " + failure.text());
  }
}

sasl::KeyLookup key_lookup(storage::Store& store) {
  auto find = [&store](const std::string& name) -> std::optional<sasl::UserKeys> {
    const auto user = store.users().find(name);
    auto own = user ? sasl::decode_keys(user->keys) : std::nullopt;
    if (!own) return std::nullopt;
    sasl::UserKeys keys(*std::move(own));
    for (const auto& password : user->app_passwords)
      if (auto decoded = sasl::decode_keys(password.keys))
        keys.app_passwords.push_back({password.name, *std::move(decoded)});
    return keys;
  };
  return {std::move(find), store.users().decoy_secret()};
}

}  // namespace mailstead::agent
