// Our own mark on what leaves us, and the loops it reveals (RFC 5321 §4.4, §6.3).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "mail/clock.h"
#include "mail/content.h"
#include "storage/types.h"

namespace mailstead::agent {

// The random name of this data directory, made at first use (file "instance", mode 0600). Throws Failure(kStorage).
[[nodiscard]] std::string instance_of(const std::string& data_dir);

// The message with a Received field (gateway form, RFC 5321 §4.4) and our X-Mailstead-Trace in front; the content
// itself is shared.
[[nodiscard]] std::shared_ptr<const mail::Content> with_trace(std::shared_ptr<const mail::Content> content,
                                                              const std::string& host, const std::string& instance,
                                                              storage::MessageId message, mail::WallTime now);

// Why this header must not be sent on: it has passed us before, or too many others. nullopt: it may go.
[[nodiscard]] std::optional<std::string> loop_in(std::string_view header, const std::string& instance);

}  // namespace mailstead::agent
