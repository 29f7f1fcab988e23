#include "agent/delivery/destinations.h"

#include "connectors/imap/delivery/imap_destination.h"
#include "connectors/local/maildir.h"
#include "connectors/local/mbox.h"
#include "connectors/local/pipe.h"
#include "connectors/smtp/relay.h"

namespace mailstead::agent {

std::unique_ptr<delivery::Destination> make_destination(const Config& config, const DestinationConfig& destination,
                                                        const std::string& instance) {
  switch (destination.type) {
    case DestinationConfig::Type::kSmtp:
    case DestinationConfig::Type::kLmtp: {
      smtp::RelaySettings settings;
      if (destination.type == DestinationConfig::Type::kLmtp) settings.dialect = smtp::Dialect::kLmtp;
      settings.endpoint = destination.endpoint;
      settings.credentials = destination.credentials;
      settings.helo_name = config.host_name;
      return smtp::make_relay(std::move(settings));
    }
    case DestinationConfig::Type::kImap: {
      imap::ImapDestinationSettings settings;
      settings.endpoint = destination.endpoint;
      settings.credentials = destination.credentials;
      settings.folder = destination.folder;
      settings.labels = destination.labels;
      return imap::make_imap_destination(std::move(settings));
    }
    case DestinationConfig::Type::kMaildir: {
      local::MaildirSettings settings;
      settings.path = destination.path;
      settings.origin = instance;
      settings.host_name = config.host_name;
      return local::make_maildir(std::move(settings));
    }
    case DestinationConfig::Type::kMbox: return local::make_mbox({destination.path});
    case DestinationConfig::Type::kPipe: return local::make_pipe({destination.name, destination.program});
    case DestinationConfig::Type::kWebhook: {
      http::WebhookSettings settings;
      std::string why;
      if (!http::parse_url(destination.url, settings.url, why)) return nullptr;  // the loader lets none through
      settings.endpoint = destination.endpoint;
      settings.format = destination.format;
      settings.secret = destination.signature;
      settings.fields = destination.headers;
      settings.name = destination.name;
      settings.instance = instance;
      return http::make_webhook(std::move(settings));
    }
    default: return nullptr;  // a mailbox of ours; the loader lets no other type through
  }
}

Destinations make_destinations(const Config& config, const std::string& instance) {
  Destinations all;
  for (const auto& [name, destination] : config.destinations)
    if (auto made = make_destination(config, destination, instance)) all.emplace(name, std::move(made));
  return all;
}

}  // namespace mailstead::agent
