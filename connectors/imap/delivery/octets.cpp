#include "connectors/imap/delivery/octets.h"

#include <algorithm>

#include "mail/failure.h"

namespace mailstead::imap {

void StoredMark::put(std::string_view octets) {
  while (line_feeds_held_ > 0) {
    stream_.update("\n");
    --line_feeds_held_;
  }
  if (octets.find('\0') == std::string_view::npos) return stream_.update(octets);
  std::string kept(octets);
  std::replace(kept.begin(), kept.end(), '\0', '\x80');
  stream_.update(kept);
}

void StoredMark::add(std::string_view octets) {
  while (!octets.empty()) {
    if (after_cr_ && octets.front() != '\n') put("\r");  // a CR alone is an octet like others
    after_cr_ = false;
    const std::size_t end = std::min(octets.find_first_of("\r\n"), octets.size());
    if (end > 0) put(octets.substr(0, end));
    if (end == octets.size()) return;
    if (octets[end] == '\n') {
      ++line_feeds_held_;
    } else {
      after_cr_ = true;
    }
    octets.remove_prefix(end + 1);
  }
}

mail::Sha256 StoredMark::finish() {
  if (after_cr_) put("\r");
  return stream_.finish();
}

std::string_view header_part(std::string_view octets) noexcept {
  std::size_t at = 0;
  while (at < octets.size()) {
    const std::size_t end = octets.find('\n', at);
    if (end == std::string_view::npos) return octets;
    const bool blank = end == at || (end == at + 1 && octets[at] == '\r');
    at = end + 1;
    if (blank) return octets.substr(0, at);
  }
  return octets;
}

MessageOctets look_at(const mail::Content& content, bool with_mark) {
  MessageOctets found;
  StoredMark mark;
  char before = '\0';
  mail::for_each_chunk(content, 0, content.size(), [&](std::string_view chunk) {
    if (chunk.empty()) return;
    found.size += chunk.size();
    if (with_mark) mark.add(chunk);
    found.header.append(chunk.substr(0, kMaxComparedHeader - std::min(found.header.size(), kMaxComparedHeader)));
    for (std::size_t at = chunk.find('\n'); at != std::string_view::npos; at = chunk.find('\n', at + 1)) {
      const bool after_cr = (at > 0 ? chunk[at - 1] : before) == '\r';
      ++(after_cr ? found.crlf : found.bare_lf);
    }
    found.has_nul = found.has_nul || chunk.find('\0') != std::string_view::npos;
    before = chunk.back();
  });
  if (found.size != content.size())
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage,
                        "the message is shorter than it was kept");
  if (with_mark) found.mark = mark.finish();
  found.header.resize(header_part(found.header).size());
  found.eight_bit_header =
      std::any_of(found.header.begin(), found.header.end(), [](char c) { return static_cast<signed char>(c) < 0; });
  return found;
}

}  // namespace mailstead::imap
