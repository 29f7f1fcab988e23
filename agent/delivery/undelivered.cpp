#include "agent/delivery/undelivered.h"

#include "agent/trouble.h"
#include "mail/scan.h"

#include <fmt/format.h>

namespace mailstead::agent {

namespace {

constexpr const char* kFolder = "Undelivered";

mail::DeliveryReport report_on(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                               std::vector<mail::FailedRecipient> recipients) {
  mail::DeliveryReport report;
  report.reporting_host = room.config.host_name;
  report.to = room.config.undelivered_user;
  report.destination = delivery.destination;
  report.arrived = delivery.created;
  report.now = room.clock.wall();
  report.recipients = std::move(recipients);
  try {
    report.original_header = header_of(room, delivery, *room.store.content().open(delivery.content));
  } catch (const mail::Failure& failure) {  // a message that cannot be read is reported without its header
    if (stops_everything(failure)) throw;
  }
  return report;
}

storage::Notice notice_of(const AttemptRoom& room, const mail::DeliveryReport& report) {
  std::string bytes = mail::build_report(report);
  const auto facts = mail::scan_message(bytes);
  return {{std::make_shared<mail::MemoryContent>(std::move(bytes)), facts.content, facts.header.size(),
           mail::encode_structure(facts.structure)},
          {room.config.undelivered_user, kFolder, {}, report.now, 0}};
}

std::string unique_id(const char* what, const AttemptRoom& room, const storage::QueuedDelivery& delivery) {
  return fmt::format("{}.{}.{}.{}", what, room.instance, delivery.id, delivery.attempts);
}

}  // namespace

std::string header_of(const AttemptRoom& room, const storage::QueuedDelivery& delivery, const mail::Content& content) {
  const auto stored = room.store.mail().stored(delivery.content);
  return mail::read_range(content, 0, stored ? stored->header_size : 0);
}

storage::ReturnTo make_return(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                              std::vector<mail::FailedRecipient> failed) {
  mail::DeliveryReport report = report_on(room, delivery, std::move(failed));
  report.unique_id = unique_id("undelivered", room, delivery);
  storage::Notice notice = notice_of(room, report);
  return {std::move(notice.content),
          std::move(notice.placement),
          {room.config.undelivered_user, kFolder, delivery.flags, delivery.internal_date, 0}};
}

storage::ReturnTo keep_without_report(const AttemptRoom& room, const storage::QueuedDelivery& delivery) {
  return {{}, {}, {room.config.undelivered_user, kFolder, delivery.flags, delivery.internal_date, 0}};
}

storage::Notice make_warning(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                             std::vector<mail::FailedRecipient> late, mail::WallTime retry_until, std::size_t others) {
  mail::DeliveryReport report = report_on(room, delivery, std::move(late));
  report.unique_id = unique_id("delayed", room, delivery);
  report.action = mail::DeliveryReport::Action::kDelayed;
  report.retry_until = retry_until;
  report.others = others;
  return notice_of(room, report);
}

}  // namespace mailstead::agent
