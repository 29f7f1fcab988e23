#include "connectors/pop3/server/listing_answer.h"

#include "connectors/net/server_session.h"

namespace mailstead::pop3 {

bool ListingAnswer::produce(std::string& output) {
  for (; next_ <= maildrop_.size(); ++next_) {
    if (output.size() >= net::kOutputHighWater) return false;
    if (const storage::Entry* entry = maildrop_.find(next_)) format_(next_, *entry, output);
  }
  output += ".\r\n";
  return true;
}

}  // namespace mailstead::pop3
