// One connection's worth of deliveries into a remote mailbox: which folder, is the message there already, APPEND, and
// once more into a folder that had to be made first.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/destination.h"
#include "connectors/imap/delivery/append.h"
#include "connectors/imap/delivery/connection.h"
#include "connectors/imap/delivery/target_folder.h"

namespace mailstead::imap {

class AppendTransport final : public delivery::Transport {
 public:
  // Both outlive it.
  AppendTransport(const ImapDestinationSettings& settings, const DeliveryDialer& dialer)
      : settings_(settings), dialer_(dialer) {}

  [[nodiscard]] delivery::Result deliver(const delivery::Outgoing& message, const delivery::Context& context) override;
  [[nodiscard]] bool worth_keeping() const noexcept override {
    return connection_ != nullptr && connection_->messages < settings_.messages_per_connection;
  }
  void close() noexcept override;

 private:
  // What may be true of the message at the server when an attempt breaks.
  struct Doubt {
    bool earlier = false;  // an earlier attempt's answer was lost, and the server was not asked yet
    bool now = false;      // this attempt's
    [[nodiscard]] bool any() const noexcept { return earlier || now; }
  };

  [[nodiscard]] delivery::Reply put(const delivery::Outgoing& message, const delivery::Context& context, Doubt& doubt);
  [[nodiscard]] delivery::Reply put_once(const delivery::Outgoing& message, const delivery::Context& context,
                                         Doubt& doubt);
  [[nodiscard]] delivery::Reply put_into(const TargetFolder& target, const delivery::Outgoing& message,
                                         const MessageOctets& octets, const delivery::Context& context, Doubt& doubt);
  // Connects when need be. True: on a connection that was kept.
  bool connect(const delivery::Outgoing& message, const delivery::Context& context);
  [[nodiscard]] MessageOctets look_at_message(const mail::Content& content, const Doubt& doubt) const;
  [[nodiscard]] std::optional<delivery::Reply> unwanted(const TargetFolder& target, const MessageOctets& octets);
  // The flags that the folder keeps, as APPEND takes them; `notes` gets what it does not keep.
  [[nodiscard]] std::string flags_for(const TargetFolder& target, const mail::Flags& flags, std::string& notes);
  // The server's word, after the folder was made if that was all it lacked.
  [[nodiscard]] Completion append_or_make(const TargetFolder& target, AppendOrder& order,
                                          const delivery::Outgoing& message, const MessageOctets& octets,
                                          const delivery::Context& context, Doubt& doubt,
                                          std::optional<delivery::Reply>& refusal);
  [[nodiscard]] std::string label(const TargetFolder& target, std::optional<storage::Uid> uid,
                                  const delivery::Outgoing& message, const MessageOctets& octets);

  const ImapDestinationSettings& settings_;
  const DeliveryDialer& dialer_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace mailstead::imap
