#include "mail/envelope_recipients.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "mail/address.h"
#include "mail/address_scanner.h"
#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

using Kind = AddressToken::Kind;

constexpr std::size_t kMaxReceivedBytes = 64 * 1024;
constexpr std::size_t kMaxCommentNesting = 100;

// The field at that place from the top, or nullptr.
const HeaderField* field_at(const HeaderBlock& header, std::string_view name, std::size_t nth) {
  for (const HeaderField& field : header.fields())
    if (iequals(field.name, name) && --nth == 0) return &field;
  return nullptr;
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.size() >= prefix.size() && iequals(text.substr(0, prefix.size()), prefix);
}

// A line end that is no fold, or any other control character: such a field is nobody's honest word.
bool has_stray_control(std::string_view value) {
  for (std::size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool control = (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F;
    if (!control) continue;
    if (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n') continue;
    if (c == '\n' && (i + 1 == value.size() || is_blank(value[i + 1]))) continue;
    return true;
  }
  return false;
}

// Collects addresses that may be used as such.
class Recipients {
 public:
  explicit Recipients(const EnvelopeSource& source) : source_(source) {}

  void add(std::string_view address_list) {
    if (has_stray_control(address_list)) return;
    ParseLimits limits;
    limits.addresses = kMaxEnvelopeRecipients;
    for (Address& address : parse_addresses(address_list, limits))
      if (address.kind == Address::Kind::kMailbox) add(std::move(address));
  }
  [[nodiscard]] bool empty() const noexcept { return found_.empty(); }
  [[nodiscard]] std::vector<std::string> take() { return std::move(found_); }

 private:
  void add(Address address) {
    if (begins_with(address.local, source_.strip_prefix)) address.local.erase(0, source_.strip_prefix.size());
    if (address.local.empty()) return;
    const std::string text = address.addr_spec();
    const bool usable = address.domain.empty() ? is_envelope_local_part(text) : is_envelope_address(text);
    if (!usable || !seen_.insert(lowered(text)).second) return;
    found_.push_back(text);
  }

  const EnvelopeSource& source_;
  std::vector<std::string> found_;
  std::unordered_set<std::string> seen_;
};

// Words of a Received field whose next word is a value, not a clause of its own.
bool takes_value(std::string_view word) {
  constexpr std::array<std::string_view, 5> kClauses = {"from", "by", "via", "with", "id"};
  return std::any_of(kClauses.begin(), kClauses.end(), [&](auto clause) { return iequals(word, clause); });
}

// What stands behind the last "for" in front of the date; "" when there is none. The last, because what the sending
// host called itself, behind "from", comes first.
std::string_view for_clause(std::string_view received) {
  AddressScanner scanner(received.substr(0, kMaxReceivedBytes), kMaxCommentNesting);
  AddressToken token;
  std::string_view found;
  bool is_value = false;
  for (scanner.next(token); token.kind != Kind::kEnd; scanner.next(token)) {
    if (token.kind == Kind::kSpecial && token.special == ';') break;
    const bool is_clause = token.kind == Kind::kWord && !is_value && token.gap_before;
    if (is_clause && iequals(token.text, "for")) found = scanner.rest();
    is_value = token.kind == Kind::kWord && !is_value && takes_value(token.text);
  }
  return found;
}

// <address>, or a word up to the next blank or the date.
std::string_view address_at(std::string_view text) {
  text = trim(text);
  if (text.starts_with('(')) text = trim(text.substr(std::min(text.find(')'), text.size() - 1) + 1));
  if (text.starts_with('<')) return text.substr(0, text.find('>') + 1);
  return text.substr(0, text.find_first_of(" \t\r\n;"));
}

}  // namespace

std::vector<std::string> envelope_recipients(const HeaderBlock& header, const EnvelopeSource& source) {
  Recipients recipients(source);
  for (const std::string& name : source.headers) {
    if (const auto* field = field_at(header, name, source.nth)) recipients.add(field->value);
    if (!recipients.empty()) return recipients.take();
  }
  if (source.received > 0)
    if (const auto* field = field_at(header, "Received", source.received))
      recipients.add(address_at(for_clause(field->value)));
  return recipients.take();
}

}  // namespace mailstead::mail
