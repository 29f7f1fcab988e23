#include "mail/srs.h"

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/digest.h"
#include "mail/header.h"

namespace mailstead::mail {
namespace {

constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::size_t kHash = 6;
constexpr std::size_t kTag = 5;  // "SRS0="
constexpr int kDays = 1024;
constexpr std::chrono::seconds kDay{86400};

int day_of(WallTime now) {
  return static_cast<int>((now.time_since_epoch() / kDay) % kDays);
}

std::string day_text(int day) {
  return {kBase32[static_cast<std::size_t>(day / 32)], kBase32[static_cast<std::size_t>(day % 32)]};
}

std::optional<int> day_in(std::string_view text) {
  if (text.size() != 2) return std::nullopt;
  int day = 0;
  for (const char c : text) {
    const auto digit = kBase32.find(c >= 'a' && c <= 'z' ? static_cast<char>(c - ('a' - 'A')) : c);
    if (digit == std::string_view::npos) return std::nullopt;
    day = day * 32 + static_cast<int>(digit);
  }
  return day;
}

// Up to the next "=", which goes, too; nullopt where there is none.
std::optional<std::string_view> take(std::string_view& text) {
  const auto end = text.find('=');
  if (end == std::string_view::npos) return std::nullopt;
  const auto part = text.substr(0, end);
  text.remove_prefix(end + 1);
  return part;
}

bool has_tag(std::string_view local, char number) noexcept {
  // The separator behind the tag may be any of these; ours is "=".
  return local.size() > kTag && lower(local[0]) == 's' && lower(local[1]) == 'r' && lower(local[2]) == 's' &&
         local[3] == number && (local[4] == '=' || local[4] == '+' || local[4] == '-');
}

}  // namespace

bool has_srs_form(std::string_view local) noexcept {
  return has_tag(local, '0') || has_tag(local, '1');
}

std::string Srs::hash_of(char kind, std::string_view signed_part) const {
  HmacSha256 hmac(secret_.reveal());
  hmac.update(kind + lowered(signed_part));
  const Sha256 code = hmac.finish();
  std::string hash;
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < 4; ++i) bits = bits << 8U | code[i];
  for (std::size_t i = 0; i < kHash; ++i) hash += kBase32[bits >> (27U - 5U * i) & 31U];
  return hash;
}

bool Srs::is_signed(std::string_view hash, char kind, std::string_view signed_part) const {
  const std::string given = lowered(hash), wanted = lowered(hash_of(kind, signed_part));
  return equal_in_constant_time(given, wanted);
}

std::string Srs::forward(const std::string& sender, WallTime now) const {
  const auto at = sender.rfind('@');
  if (at == std::string::npos || !is_envelope_address(sender)) return sender;
  const std::string local = sender.substr(0, at), host = sender.substr(at + 1);
  if (iequals(host, domain_)) return sender;
  std::string tag = "SRS0=", rest = day_text(day_of(now)) + "=" + host + "=" + local;
  if (has_tag(local, '0')) {
    tag = "SRS1=";
    rest = host + "=" + local.substr(kTag - 1);
  } else if (has_tag(local, '1')) {
    // The forwarder before us drops out: the one who knows the first sender stays.
    std::string_view known = std::string_view(local).substr(kTag);
    if (take(known)) {
      tag = "SRS1=";
      rest = known;
    }
  }
  std::string made = tag + hash_of(tag[3], rest) + "=" + rest + "@" + domain_;
  return is_envelope_address(made) ? made : sender;
}

std::optional<std::string> Srs::reverse(std::string_view address, WallTime now) const {
  const auto at = address.rfind('@');
  if (at == std::string_view::npos || !iequals(address.substr(at + 1), domain_)) return std::nullopt;
  const std::string_view local = address.substr(0, at);
  std::optional<std::string> found;
  if (has_tag(local, '0')) found = reverse_first(local.substr(kTag), now);
  if (has_tag(local, '1')) found = reverse_later(local.substr(kTag));
  return found && is_envelope_address(*found) ? found : std::nullopt;
}

std::optional<std::string> Srs::reverse_first(std::string_view rest, WallTime now) const {
  const auto hash = take(rest);
  if (!hash || !is_signed(*hash, '0', rest)) return std::nullopt;
  const auto day = take(rest);
  const auto host = day ? take(rest) : std::nullopt;
  const auto made = day ? day_in(*day) : std::nullopt;
  if (!host || !made) return std::nullopt;
  if ((day_of(now) - *made + kDays) % kDays > kSrsDays) return std::nullopt;
  return std::string(rest) + "@" + std::string(*host);
}

std::optional<std::string> Srs::reverse_later(std::string_view rest) const {
  const auto hash = take(rest);
  if (!hash || !is_signed(*hash, '1', rest)) return std::nullopt;
  const auto host = take(rest);
  if (!host || rest.empty()) return std::nullopt;
  return "SRS0" + std::string(rest) + "@" + std::string(*host);
}

}  // namespace mailstead::mail
