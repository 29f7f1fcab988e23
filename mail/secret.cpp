#include "mail/secret.h"

#include <openssl/crypto.h>

namespace mailstead::mail {

// Copied, not moved: a short string that is moved leaves its bytes behind in the source.
Secret::Secret(std::string value) : value_(value) {
  OPENSSL_cleanse(value.data(), value.size());
}

Secret::Secret(Secret&& other) noexcept {
  value_.swap(other.value_);
  other.wipe();
}

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this != &other) {
    wipe();
    value_.swap(other.value_);
    other.wipe();
  }
  return *this;
}

Secret::~Secret() {
  wipe();
}

// The whole capacity: a swap of short strings leaves bytes beyond the new length.
void Secret::wipe() noexcept {
  value_.resize(value_.capacity());  // within the capacity: does not allocate
  OPENSSL_cleanse(value_.data(), value_.size());
  value_.clear();
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace mailstead::mail
