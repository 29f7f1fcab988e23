// Room for the identities of a listing: views into it stay valid as long as it lives, wherever it is moved.
//
// One allocation per 64 KiB instead of one per identity. Bounded: kMaxIdentityOctets, then kLimit/kSession.
#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::pop3 {

inline constexpr mail::ByteCount kMaxIdentityOctets = 128 * 1024 * 1024;

class Names {
 public:
  [[nodiscard]] std::string_view keep(std::string_view name) {
    if (name.size() > left_) grow(name.size());
    char* at = blocks_.back().get() + used_;
    std::memcpy(at, name.data(), name.size());
    used_ += name.size();
    left_ -= name.size();
    return {at, name.size()};
  }

 private:
  void grow(std::size_t at_least) {
    constexpr std::size_t kBlock = 64 * 1024;
    std::size_t size = std::max(kBlock, at_least);
    if (total_ + size > kMaxIdentityOctets) {
      throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kSession, "the UIDL listing is too long");
    }
    // Not zeroed: what is not written costs no page.
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
    total_ += size;
    used_ = 0;
    left_ = size;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  std::size_t used_ = 0, left_ = 0;
  mail::ByteCount total_ = 0;
};

}  // namespace mailstead::pop3
