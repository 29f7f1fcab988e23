#include "agent/serving/servers.h"

#include "agent/serving/last_uses.h"
#include "agent/serving/own_certificate.h"
#include "agent/version.h"
#include "connectors/imap/server/session.h"
#include "connectors/pop3/server/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

namespace mailstead::agent {

namespace {

// Two configurations of one listener that need no new socket; the certificate of an open one can be another.
bool same(const ListenerConfig& a, const ListenerConfig& b) {
  return a.service == b.service && a.address == b.address && a.tls == b.tls && a.max_connections == b.max_connections &&
         a.max_connections_per_address == b.max_connections_per_address &&
         a.max_connections_per_user == b.max_connections_per_user;
}

// Whether the configuration names the same files.
bool same_files(const ListenerConfig& a, const ListenerConfig& b) {
  return a.own_certificate == b.own_certificate && a.certificate == b.certificate && a.key == b.key &&
         a.client_ca == b.client_ca && a.client_name == b.client_name;
}

// `own`: the file of our own certificate.
net::ServerTlsSettings tls_settings(const ListenerConfig& config, const std::string& own) {
  net::ServerTlsSettings settings;
  settings.certificate = config.own_certificate ? own : config.certificate;
  settings.key = config.own_certificate ? own : config.key;
  settings.client_ca = config.client_ca;
  settings.client_name = config.client_name;
  settings.alpn = config.service == ListenerConfig::Service::kPop3 ? "pop3" : "imap";
  return settings;
}

}  // namespace

struct Servers::State {
  State(storage::Store& store_in, const mail::Clock& clock_in, Log& log_in, net::ParkingLot& lot_in,
        net::WorkerPool& pool_in)
      : store(store_in), clock(clock_in), log(log_in), lot(lot_in), pool(pool_in) {
    door.throttle = std::make_shared<sasl::Throttle>(clock);
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

  using Contexts = std::map<std::string, std::shared_ptr<const net::ServerTls>>;
  struct Open {
    ListenerConfig config;
    std::unique_ptr<net::Listener> listener;
  };
  mutable std::mutex users_mutex;           // guards users; a leaf
  std::map<std::string, UserConfig> users;  // of the configuration in force

  [[nodiscard]] imap::Quota quota_of(const std::string& name) const {
    std::lock_guard lock(users_mutex);
    const auto user = users.find(name);
    return user == users.end() ? imap::Quota{} : imap::Quota{user->second.quota, user->second.quota_messages};
  }

  mutable std::mutex mutex;  // guards listeners
  std::map<std::string, Open> listeners;

  [[nodiscard]] net::ServerSessionFactory factory(const ListenerConfig& config, const std::string& host_name) const {
    const bool starttls = config.tls == net::TlsMode::kStartTls;
    sasl::Doorkeeper its_door = door;
    its_door.most_per_user = config.max_connections_per_user;
    if (config.service == ListenerConfig::Service::kPop3) {
      pop3::ServerContext context{store, key_lookup(store), clock, host_name, starttls, maildrops, its_door};
      return pop3::make_session_factory(std::move(context));
    }
    imap::ServerContext context{.store = store, .keys = key_lookup(store), .clock = clock, .version = kVersion};
    context.host_name = host_name;
    context.starttls_available = starttls;
    context.door = its_door;
    context.quota = [this](const std::string& user) { return quota_of(user); };
    return imap::make_session_factory(std::move(context));
  }

  // What each listener of the configuration is to show its clients. An open one whose files are no good keeps what it
  // has, if they are the same files as before; every other is a reason to change nothing at all.
  [[nodiscard]] Contexts contexts(const Config& config) {
    Contexts made;
    const bool own = std::any_of(config.listeners.begin(), config.listeners.end(),
                                 [](const auto& one) { return one.second.own_certificate; });
    const std::string own_file = own ? own_certificate(config, clock, log) : std::string();
    for (const auto& [name, wanted] : config.listeners) {
      if (wanted.tls == net::TlsMode::kNone) continue;
      try {
        made[name] = std::make_shared<const net::ServerTls>(tls_settings(wanted, own_file));
      } catch (const mail::Failure& failure) {
        const auto open = listeners.find(name);
        if (open == listeners.end() || !same(open->second.config, wanted) || !same_files(open->second.config, wanted))
          throw;
        log.error(fmt::format("{}: {}; the certificate of before stays in use", name, failure.text()));
      }
    }
    return made;
  }

  [[nodiscard]] std::unique_ptr<net::Listener> open(const ListenerConfig& config, const std::string& host_name,
                                                    std::shared_ptr<const net::ServerTls> tls) {
    net::ListenerSettings settings;
    settings.name = config.name;
    settings.address = config.address;
    settings.tls = config.tls;
    settings.server_tls = std::move(tls);
    settings.max_connections = config.max_connections;
    settings.max_connections_per_address = config.max_connections_per_address;
    settings.refusal = config.service == ListenerConfig::Service::kPop3
                           ? "-ERR [SYS/TEMP] Too many connections\r\n"
                           : "* BYE [UNAVAILABLE] Too many connections.\r\n";
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
  // Certificates are read at each reload, since they may have been renewed, and before a port is given up.
  const State::Contexts contexts = state_->contexts(config);
  std::erase_if(state_->listeners, [&](const auto& open) {
    const auto wanted = config.listeners.find(open.first);
    return wanted == config.listeners.end() || !same(open.second.config, wanted->second);
  });
  for (const auto& [name, wanted] : config.listeners) {
    const auto context = contexts.find(name);
    const auto tls = context != contexts.end() ? context->second : nullptr;
    if (const auto open = state_->listeners.find(name); open != state_->listeners.end()) {
      if (tls) open->second.listener->renew_tls(tls);
      open->second.config = wanted;
      continue;
    }
    auto listener = state_->open(wanted, config.host_name, tls);
    state_->log.info(fmt::format("{} listens on {}", name, listener->address()));
    state_->listeners.emplace(name, State::Open{wanted, std::move(listener)});
  }
  std::lock_guard users_lock(state_->users_mutex);
  state_->users = config.users;
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
