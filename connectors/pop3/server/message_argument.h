// The message number that most commands take.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/mail_store.h"

namespace mailstead::pop3 {

class Session;

struct ChosenMessage {
  std::uint32_t number = 0;
  const storage::Entry* entry = nullptr;  // lives as long as the maildrop
};
// nullopt: there is none, and the session has answered so.
[[nodiscard]] std::optional<ChosenMessage> choose_message(Session& session, std::string_view argument);

}  // namespace mailstead::pop3
