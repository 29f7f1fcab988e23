// "envelope": how the recipients of a multidrop mailbox are found.
#include "agent/config/sections.h"
#include "mail/ascii.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace mailstead::agent {
namespace {

constexpr std::uint64_t kMaxFields = 100;  // of one name; more than the hops a message may take
constexpr std::size_t kMaxPrefix = 64;     // octets of a local part (RFC 5321 §4.5.3.1)

// Fields that say what the sender wrote, not whom the message was sent to.
constexpr std::array<std::string_view, 8> kWrittenBySender = {"to",     "cc",        "bcc",       "from",
                                                              "sender", "resent-to", "resent-cc", "resent-bcc"};

void check_header(Section& section, const std::string& name) {
  if (!mail::is_field_name(name)) {
    section.fault("header", in_quotes(name) + " is no name of a header field", "such as \"X-Original-To\"");
  } else if (mail::iequals(name, "Received")) {
    section.fault("header", "\"Received\" holds no list of addresses",
                  "\"received_for\": true takes the address behind its \"for\"");
  } else if (std::find(kWrittenBySender.begin(), kWrittenBySender.end(), mail::lowered(name)) !=
             kWrittenBySender.end()) {
    section.fault("header", in_quotes(name) + " says what the sender wrote, not to whom the message was delivered",
                  "blind copies and lists would be lost; take what the receiving host adds, such as \"X-Original-To\"");
  }
}

std::size_t read_nth(Section& section) {
  if (section.has("nth") && section.has("skip"))
    section.fault("skip", "both \"nth\" and \"skip\"", "\"skip\": 1 is \"nth\": 2; write one of them");
  if (section.has("skip")) return section.count("skip", 0, kMaxFields - 1).value_or(0) + 1;
  return section.count("nth", 1, kMaxFields).value_or(1);
}

// true is the topmost.
std::size_t read_received(Section& section) {
  const auto* value = section.find("received_for");
  if (value == nullptr) return 0;
  if (value->is_number()) return section.count("received_for", 1, kMaxFields).value_or(0);
  return section.flag("received_for").value_or(false) ? 1 : 0;
}

}  // namespace

mail::EnvelopeSource read_envelope(Section section) {
  mail::EnvelopeSource made;
  made.headers = section.texts("header");
  for (const auto& name : made.headers) check_header(section, name);
  made.nth = read_nth(section);
  made.received = read_received(section);
  made.strip_prefix = section.text("strip_prefix").value_or("");
  if (made.strip_prefix.size() > kMaxPrefix || made.strip_prefix.find('@') != std::string::npos)
    section.fault("strip_prefix", "the beginning of a local part has no \"@\" and at most 64 octets",
                  "such as \"mbox-alice-\"");
  const auto* received = section.find("received_for");
  const bool has_place = section.has("header") || (received != nullptr && *received != false);
  if (!has_place) section.fault({}, "names no header to look at", "such as \"header\": \"X-Original-To\"");
  if (has_place && !section.has("header"))
    for (const char* key : {"nth", "skip"})
      if (section.has(key)) section.fault(key, "counts fields of \"header\", which is missing");
  return made;
}

}  // namespace mailstead::agent
