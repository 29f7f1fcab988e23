// How long a waiting connection may be left silent: learnt from how it fares. Pure.
//
// It begins with twelve minutes: most home routers forget a connection after fifteen to thirty, the careless after
// five, and a server may hang up after thirty (RFC 9051 §5.4; IDLE is renewed before 29, RFC 2177 §3). Each silence
// that was survived makes the next one longer; a connection found dead makes it shorter at once, and a silence as long
// is only tried again after several that went well.
#pragma once

#include <algorithm>
#include <chrono>

namespace mailstead::imap {

inline constexpr std::chrono::seconds kFirstRenewal{12 * 60};
inline constexpr std::chrono::seconds kLongestRenewal{28 * 60};
inline constexpr std::chrono::seconds kShortestRenewal{60};

class Keepalive {
 public:
  // `most`: the user's own bound; 0: none.
  explicit Keepalive(std::chrono::seconds most = {})
      : most_(most > most.zero() ? std::min(most, kLongestRenewal) : kLongestRenewal),
        ceiling_(most_),
        interval_(std::min(kFirstRenewal, most_)) {}

  [[nodiscard]] std::chrono::seconds interval() const noexcept { return interval_; }

  // The connection answered after so long a silence.
  void survived(std::chrono::seconds silence) noexcept {
    if (silence < interval_ * 9 / 10) return;
    if (interval_ < ceiling_) {
      interval_ = std::min(ceiling_, interval_ * 3 / 2);
    } else if (++proofs_ >= kProofs) {
      proofs_ = 0;
      ceiling_ = std::min(most_, ceiling_ * 5 / 4);
    }
  }
  // It was found dead, or the server had ended it. What ends within a minute does not end of silence.
  void died(std::chrono::seconds silence) noexcept {
    if (silence < kShortestRenewal) return;
    proofs_ = 0;
    ceiling_ = std::clamp(silence * 3 / 4, std::min(kShortestRenewal, most_), ceiling_);
    interval_ = std::clamp(silence / 2, std::min(kShortestRenewal, most_), std::min(interval_, ceiling_));
  }

 private:
  static constexpr int kProofs = 8;
  std::chrono::seconds most_, ceiling_, interval_;
  int proofs_ = 0;
};

}  // namespace mailstead::imap
