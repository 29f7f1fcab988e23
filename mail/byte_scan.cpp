#include "mail/byte_scan.h"

#include <algorithm>
#include <bit>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace mailstead::mail {
namespace {

constexpr std::size_t kBlock = 64;

struct BlockMasks {
  std::uint64_t line_feeds = 0;
  std::uint64_t carriage_returns = 0;
  bool high = false;
  bool zero = false;
};

#if defined(__SSE2__)

std::uint64_t bits(__m128i equal) {
  return static_cast<std::uint32_t>(_mm_movemask_epi8(equal));
}

BlockMasks masks_of(const char* block) {
  const __m128i lf = _mm_set1_epi8('\n');
  const __m128i cr = _mm_set1_epi8('\r');
  __m128i all = _mm_setzero_si128();
  __m128i least = _mm_set1_epi8(-1);
  BlockMasks masks;
  for (unsigned lane = 0; lane < 4; ++lane) {
    __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * lane));
    all = _mm_or_si128(all, octets);
    least = _mm_min_epu8(least, octets);
    masks.line_feeds |= bits(_mm_cmpeq_epi8(octets, lf)) << (16U * lane);
    masks.carriage_returns |= bits(_mm_cmpeq_epi8(octets, cr)) << (16U * lane);
  }
  masks.high = _mm_movemask_epi8(all) != 0;
  masks.zero = _mm_movemask_epi8(_mm_cmpeq_epi8(least, _mm_setzero_si128())) != 0;
  return masks;
}

#else

BlockMasks masks_of(const char* block) {
  BlockMasks masks;
  for (std::size_t i = 0; i < kBlock; ++i) {
    char c = block[i];
    masks.line_feeds |= static_cast<std::uint64_t>(c == '\n') << i;
    masks.carriage_returns |= static_cast<std::uint64_t>(c == '\r') << i;
    masks.high |= (static_cast<unsigned char>(c) & 0x80U) != 0;
    masks.zero |= c == '\0';
  }
  return masks;
}

#endif

}  // namespace

std::size_t count_line_feeds(std::string_view bytes) noexcept {
  std::size_t count = 0;
#if defined(__SSE2__)
  const __m128i lf = _mm_set1_epi8('\n');
  while (bytes.size() >= 16) {
    // Each lane counts down by one per hit: 255 rounds before it would wrap.
    std::size_t rounds = std::min<std::size_t>(bytes.size() / 16, 255);
    __m128i lanes = _mm_setzero_si128();
    for (std::size_t i = 0; i < rounds; ++i) {
      __m128i octets = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes.data() + 16 * i));
      lanes = _mm_sub_epi8(lanes, _mm_cmpeq_epi8(octets, lf));
    }
    __m128i sums = _mm_sad_epu8(lanes, _mm_setzero_si128());
    count += static_cast<std::size_t>(_mm_cvtsi128_si32(sums)) +
             static_cast<std::size_t>(_mm_cvtsi128_si32(_mm_srli_si128(sums, 8)));
    bytes.remove_prefix(16 * rounds);
  }
#endif
  return count + static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\n'));
}

void LineFacts::end_line(std::uint64_t line_feed, bool after_cr) noexcept {
  longest_ = std::max(longest_, line_feed - line_begin_ - (after_cr ? 1 : 0));
  line_begin_ = line_feed + 1;
}

void LineFacts::feed_block(const char* block, std::size_t size) noexcept {
  BlockMasks masks = masks_of(block);
  has_8bit_ = has_8bit_ || masks.high;
  has_nul_ = has_nul_ || masks.zero;
  std::uint64_t after_cr = (masks.carriage_returns << 1U) | cr_carry_;
  std::uint64_t valid = size == kBlock ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
  // A line feed that does not follow a CR, or a CR that no line feed follows.
  has_bare_ = has_bare_ || ((after_cr ^ masks.line_feeds) & valid) != 0;
  cr_carry_ = (masks.carriage_returns >> (size - 1)) & 1U;
  for (std::uint64_t left = masks.line_feeds; left != 0; left &= left - 1) {
    auto bit = static_cast<unsigned>(std::countr_zero(left));
    end_line(offset_ + bit, ((after_cr >> bit) & 1U) != 0);
  }
  offset_ += size;
}

void LineFacts::feed(std::string_view bytes) noexcept {
  while (bytes.size() >= kBlock) {
    feed_block(bytes.data(), kBlock);
    bytes.remove_prefix(kBlock);
  }
  if (bytes.empty()) return;
  char padded[kBlock];
  std::memset(padded, ' ', kBlock);
  std::memcpy(padded, bytes.data(), bytes.size());
  feed_block(padded, bytes.size());
}

void LineFacts::finish() noexcept {
  if (cr_carry_ != 0) has_bare_ = true;
  longest_ = std::max(longest_, offset_ - line_begin_);
}

}  // namespace mailstead::mail
