#include "agent/demo/remote_side.h"

#include "agent/serving/servers.h"
#include "connectors/imap/server/session.h"
#include "connectors/pop3/server/session.h"
#include "connectors/sasl/server.h"
#include "mail/scan.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <array>
#include <set>

namespace mailstead::agent::demo {

namespace {

// SCRAM's cost is for stored passwords; these live as long as the demo.
constexpr unsigned kIterations = 4096;

std::string random_password() {
  std::array<unsigned char, 9> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess, "no random numbers to be had");
  std::string text;
  for (unsigned char byte : bytes) text += fmt::format("{:02x}", byte);
  return text;
}

std::unique_ptr<storage::Store> fill(const std::string& directory, const std::vector<SampleMessage>& messages,
                                     const std::string& password, mail::WallTime now) {
  storage::StoreOptions options;
  options.data_dir = directory;
  auto store = storage::open_store(options);
  const auto keys = sasl::encode_keys(sasl::make_keys(mail::Secret(password), kIterations));
  std::set<std::string> users;
  for (const auto& message : messages) {
    if (users.insert(message.account).second) (void)store->users().add({message.account, keys, now});
    if (!store->mail().find(message.account, message.folder))
      (void)store->mail().create(message.account, message.folder, "");
    const auto facts = mail::scan_message(message.bytes);
    storage::NewContent content{std::make_shared<mail::MemoryContent>(message.bytes), facts.content,
                                facts.header.size(), mail::encode_structure(facts.structure)};
    (void)store->mail().append(message.account, message.folder, std::move(content), {}, now);
  }
  return store;
}

}  // namespace

RemoteSide::RemoteSide(const std::string& directory, const std::vector<SampleMessage>& messages,
                       const mail::Clock& clock, Log& log)
    : password_(random_password()), store_(fill(directory, messages, password_, clock.wall())) {
  auto say = [&log](const std::string& line) { log.debug(line); };
  auto settings = [](const char* name) {
    net::ListenerSettings made;
    made.name = name;
    made.address = "127.0.0.1:0";
    return made;
  };
  imap::ServerContext imap_context{.store = *store_, .keys = key_lookup(*store_), .clock = clock, .version = {}};
  imap_ = std::make_unique<net::Listener>(settings("demo imap"), imap::make_session_factory(std::move(imap_context)),
                                          lot_, pool_, say);
  pop3::ServerContext pop3_context{
      .store = *store_, .lookup = key_lookup(*store_), .clock = clock, .host_name = "localhost"};
  pop3_ = std::make_unique<net::Listener>(settings("demo pop3"), pop3::make_session_factory(std::move(pop3_context)),
                                          lot_, pool_, say);
  relay_ = std::make_unique<net::Listener>(settings("demo relay"), make_relay_factory(counts_), lot_, pool_, say);
}

RemoteSide::~RemoteSide() {
  imap_.reset();
  pop3_.reset();
  relay_.reset();
  pool_.stop();
  lot_.stop();
}

std::uint16_t RemoteSide::imap_port() const {
  return imap_->port();
}
std::uint16_t RemoteSide::pop3_port() const {
  return pop3_->port();
}
std::uint16_t RemoteSide::relay_port() const {
  return relay_->port();
}
std::uint64_t RemoteSide::relayed() const {
  return counts_->messages;
}

}  // namespace mailstead::agent::demo
