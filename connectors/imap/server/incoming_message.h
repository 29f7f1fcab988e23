// One message on its way in: streamed to the content store and scanned as it comes, never whole in memory.
#pragma once

#include <exception>
#include <memory>
#include <string_view>

#include "mail/scan.h"
#include "storage/content.h"
#include "storage/mail_store.h"

namespace mailstead::imap {

class IncomingMessage {
 public:
  IncomingMessage(storage::ContentStore& store, mail::ByteCount size) : content_(store.begin(size)) {}
  // Trouble of the store is kept for finish(): the peer sends its octets all the same.
  void feed(std::string_view bytes) noexcept;
  // Known once finish() was called.
  [[nodiscard]] bool has_nul() const noexcept { return has_nul_; }
  // The object is spent. Throws what went wrong on the way.
  [[nodiscard]] storage::NewContent finish();

 private:
  std::unique_ptr<storage::IncomingContent> content_;
  mail::MessageScanner scanner_;
  std::exception_ptr trouble_;
  bool has_nul_ = false;
};

}  // namespace mailstead::imap
