// What the Undelivered mailbox gets: reports (RFC 3464) of what failed or is late, and the messages that came back.
#pragma once

#include <vector>

#include "agent/delivery/attempt.h"
#include "mail/report.h"
#include "storage/queue.h"

namespace mailstead::agent {

// The header of the delivery's message. Throws Failure.
[[nodiscard]] std::string header_of(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                                    const mail::Content& content);

// The report, without the message's header when it cannot be read, and the message itself. Throws Failure(kStorage).
[[nodiscard]] storage::ReturnTo make_return(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                                            std::vector<mail::FailedRecipient> failed);

// The message alone.
[[nodiscard]] storage::ReturnTo keep_without_report(const AttemptRoom& room, const storage::QueuedDelivery& delivery);

// That the recipients wait, until `retry_until`, with so many others. Throws Failure.
[[nodiscard]] storage::Notice make_warning(const AttemptRoom& room, const storage::QueuedDelivery& delivery,
                                           std::vector<mail::FailedRecipient> late, mail::WallTime retry_until,
                                           std::size_t others);

}  // namespace mailstead::agent
