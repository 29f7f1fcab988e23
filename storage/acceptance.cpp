#include "storage/acceptance.h"

namespace mailstead::storage {

std::vector<HistoryEvent> outcome_events(const Acceptance& acceptance) {
  std::vector<HistoryEvent> events;
  for (const NewPlacement& placement : acceptance.placements) {
    events.push_back({acceptance.now, "placed", "in " + placement.user + "/" + placement.folder});
  }
  for (const NewDelivery& delivery : acceptance.deliveries) {
    std::string text = "for " + delivery.destination;
    for (const std::string& recipient : delivery.recipients) text.append(" ").append(recipient);
    events.push_back({acceptance.now, "queued", text});
    if (delivery.quarantine.empty()) continue;
    events.push_back(
        {acceptance.now, "held", "in quarantine for " + delivery.destination + ": " + delivery.quarantine});
  }
  return events;
}

}  // namespace mailstead::storage
