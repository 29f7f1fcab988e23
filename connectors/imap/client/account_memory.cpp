#include "connectors/imap/client/account_memory.h"

#include <algorithm>

#include "connectors/imap/codec/syntax.h"

namespace mailstead::imap {
namespace {

// One fact a line: "name value". A reader of another version starts afresh.
constexpr std::string_view kVersion = "imap 1";
constexpr std::size_t kMaxWords = 7 * 1024;  // octets of one announcement
constexpr std::size_t kMaxNamespace = 200;
constexpr std::size_t kMaxMechanism = 40;  // RFC 4422 §3.1 allows 20

bool is_mechanism(std::string_view name) {
  return name.size() <= kMaxMechanism && std::all_of(name.begin(), name.end(), is_atom_char);
}

std::string joined(const Capabilities& capabilities) {
  std::string text;
  for (const std::string& word : capabilities.words()) {
    if (!std::all_of(word.begin(), word.end(), [](char c) { return c > ' ' && c < '\x7f'; })) continue;
    if (text.size() + word.size() + 1 > kMaxWords) return {};  // half an announcement would be a wrong one
    text += (text.empty() ? "" : " ") + word;
  }
  return text;
}

void add(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  text.append(name).append(" ").append(value).append("\n");
}

// "/ prefix", "- " for no delimiter.
std::string written(const PersonalNamespace& own) {
  std::string text(1, own.delimiter == '\0' ? '-' : own.delimiter);
  text += ' ' + own.prefix;
  bool plain = std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  return plain && text.size() <= kMaxNamespace ? text : std::string();
}

std::optional<PersonalNamespace> read_namespace(std::string_view value) {
  if (value.size() < 2 || value.size() > kMaxNamespace || value[1] != ' ') return std::nullopt;
  return PersonalNamespace{std::string(value.substr(2)), value[0] == '-' ? '\0' : value[0]};
}

void read_fact(AccountMemory& memory, std::string_view name, std::string_view value) {
  using Pipelining = AccountMemory::Pipelining;
  if (name == "peer") memory.peer = value.substr(0, kMaxRememberedPeer);
  if (name == "before") memory.before = Capabilities::parse(value.substr(0, kMaxWords));
  if (name == "after") memory.after = Capabilities::parse(value.substr(0, kMaxWords));
  if (name == "mechanism" && is_mechanism(value)) memory.mechanism = value;
  if (name == "tells-after") memory.tells_after = value == "yes";
  if (name == "pipelining" && value == "works") memory.pipelining = Pipelining::kWorks;
  if (name == "pipelining" && value == "breaks") memory.pipelining = Pipelining::kBreaks;
  if (name == "namespace") memory.own = read_namespace(value);
  if (name == "compress" && value == "refused") memory.compress_refused = true;
  if (name == "list-status" && value == "refused") memory.list_status_refused = true;
  if (name == "uid" && value == "after-body") memory.one_by_one = true;
  if (name == "commands" && value == "one-by-one") memory.unpipelined = true;
  if (name == "dropped-in-flight" && value == "once") memory.drops_in_flight = 1;
  if (name == "sizes" && value == "slow") memory.slow_sizes = true;
}

}  // namespace

std::string AccountMemory::encode() const {
  std::string text(kVersion);
  text += '\n';
  add(text, "peer", std::string_view(peer).substr(0, kMaxRememberedPeer));
  add(text, "before", joined(before));
  add(text, "after", joined(after));
  if (is_mechanism(mechanism)) add(text, "mechanism", mechanism);
  if (tells_after) add(text, "tells-after", "yes");
  if (pipelining == Pipelining::kWorks) add(text, "pipelining", "works");
  if (pipelining == Pipelining::kBreaks) add(text, "pipelining", "breaks");
  if (own) add(text, "namespace", written(*own));
  if (compress_refused) add(text, "compress", "refused");
  if (list_status_refused) add(text, "list-status", "refused");
  if (one_by_one) add(text, "uid", "after-body");
  if (unpipelined) add(text, "commands", "one-by-one");
  if (drops_in_flight == 1) add(text, "dropped-in-flight", "once");
  if (slow_sizes) add(text, "sizes", "slow");
  return text;
}

AccountMemory AccountMemory::decode(std::string_view text) {
  AccountMemory memory;
  text = text.substr(0, kMaxEncodedMemory);
  bool known = false;
  while (!text.empty()) {
    std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;  // cut off: half a fact is none
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end + 1);
    if (!known && line != kVersion) return {};
    if (std::size_t blank = line.find(' '); known && blank != std::string_view::npos) {
      read_fact(memory, line.substr(0, blank), line.substr(blank + 1));
    }
    known = true;
  }
  return memory;
}

}  // namespace mailstead::imap
