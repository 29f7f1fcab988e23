// Undoes a Content-Transfer-Encoding (RFC 2045 §6) piece by piece: the same octets as mail::decode() of the whole,
// with at most 128 KiB held back.
#pragma once

#include <string>
#include <string_view>

#include "mail/transfer_encoding.h"

namespace mailstead::mail {

class TransferDecoder {
 public:
  explicit TransferDecoder(TransferEncoding encoding) : encoding_(encoding) {}
  // What is decided by now; the views given may end anywhere.
  [[nodiscard]] std::string feed(std::string_view encoded);
  [[nodiscard]] std::string finish();

 private:
  [[nodiscard]] std::size_t decided() const;

  TransferEncoding encoding_;
  std::string held_;
};

}  // namespace mailstead::mail
