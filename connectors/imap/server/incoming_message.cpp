#include "connectors/imap/server/incoming_message.h"

namespace mailstead::imap {

void IncomingMessage::feed(std::string_view bytes) noexcept {
  if (trouble_) return;
  try {
    content_->append(bytes);
    scanner_.feed(bytes);
  } catch (...) {
    trouble_ = std::current_exception();
    content_.reset();  // what was spooled goes at once
  }
}

storage::NewContent IncomingMessage::finish() {
  if (trouble_) std::rethrow_exception(trouble_);
  mail::MessageFacts facts = scanner_.finish();
  has_nul_ = facts.has_nul;
  storage::NewContent result;
  result.bytes = content_->finish();
  result.digest = facts.content;
  result.header_size = facts.structure.body_offset;
  result.structure = mail::encode_structure(facts.structure);
  return result;
}

}  // namespace mailstead::imap
