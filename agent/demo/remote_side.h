// The world of the demo: two mail providers and a relay on loopback, all of them ours.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/demo/relay.h"
#include "agent/demo/sample_mail.h"
#include "agent/log.h"
#include "connectors/net/listener.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent::demo {

class RemoteSide {
 public:
  // Fills a store under `directory` with the sample mail and serves it.
  RemoteSide(const std::string& directory, const std::vector<SampleMessage>& messages, const mail::Clock& clock,
             Log& log);
  ~RemoteSide();
  RemoteSide(const RemoteSide&) = delete;
  RemoteSide& operator=(const RemoteSide&) = delete;

  [[nodiscard]] std::uint16_t imap_port() const;
  [[nodiscard]] std::uint16_t pop3_port() const;
  [[nodiscard]] std::uint16_t relay_port() const;
  [[nodiscard]] std::uint64_t relayed() const;
  [[nodiscard]] const std::string& password() const noexcept { return password_; }

 private:
  std::string password_;
  std::unique_ptr<storage::Store> store_;
  net::ParkingLot lot_;
  net::WorkerPool pool_{"demo", 2};
  std::shared_ptr<RelayCounts> counts_ = std::make_shared<RelayCounts>();
  std::unique_ptr<net::Listener> imap_, pop3_, relay_;
};

}  // namespace mailstead::agent::demo
