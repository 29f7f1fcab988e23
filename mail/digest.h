// SHA-256 and HMAC over it (RFC 2104), incremental, by OpenSSL.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace mailstead::mail {

using Sha256 = std::array<std::uint8_t, 32>;

class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&&) noexcept;
  Sha256Stream& operator=(Sha256Stream&&) noexcept;
  void update(std::string_view bytes);
  [[nodiscard]] Sha256 finish();  // the stream is spent afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] Sha256 sha256(std::string_view bytes);

class HmacSha256 {
 public:
  explicit HmacSha256(std::string_view key);
  ~HmacSha256();
  HmacSha256(HmacSha256&&) noexcept;
  HmacSha256& operator=(HmacSha256&&) noexcept;
  void update(std::string_view bytes);
  [[nodiscard]] Sha256 finish();  // the stream is spent afterwards

 private:
  struct State;
  std::unique_ptr<State> state_;
};
[[nodiscard]] std::string to_hex(const Sha256& digest);

}  // namespace mailstead::mail
