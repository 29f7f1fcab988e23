// The configured destinations as the dispatcher uses them.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/config/config.h"
#include "connectors/destination.h"

namespace mailstead::agent {

// nullptr for a mailbox of our own: it needs no delivery.
[[nodiscard]] std::unique_ptr<delivery::Destination> make_destination(const Config& config,
                                                                      const DestinationConfig& destination,
                                                                      const std::string& instance);

// Every destination of the configuration that takes deliveries, by name.
using Destinations = std::map<std::string, std::shared_ptr<const delivery::Destination>>;
[[nodiscard]] Destinations make_destinations(const Config& config, const std::string& instance);

}  // namespace mailstead::agent
