#include "mail/fingerprint.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "mail/address.h"
#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/date.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kLongestMessageId = 998;

std::string normal_from(const HeaderField* field) {
  if (field == nullptr) return {};
  std::string normal;
  for (const Address& address : parse_addresses(field->value)) {
    if (address.kind != Address::Kind::kMailbox) continue;
    if (!normal.empty()) normal.push_back(',');
    normal.append(address.addr_spec());
  }
  return lowered(normal.empty() ? unfold(field->value) : normal);
}

std::string normal_date(const HeaderField* field) {
  if (field == nullptr) return {};
  auto date = parse_date(field->value);
  return date ? std::to_string(date->utc.time_since_epoch().count()) : unfold(field->value);
}

std::string normal_subject(const HeaderField* field) {
  if (field == nullptr) return {};
  std::string normal;
  for (char c : decoded_value(*field)) {
    if (!is_space(c)) {
      normal.push_back(c);
    } else if (!normal.empty() && normal.back() != ' ') {
      normal.push_back(' ');
    }
  }
  while (!normal.empty() && normal.back() == ' ') normal.pop_back();
  return normal;
}

}  // namespace

std::string message_id_of(const HeaderBlock& header) {
  const HeaderField* field = header.first("Message-ID");
  if (field == nullptr) return {};
  std::string_view value = trim(field->value);
  if (std::size_t begin = value.find('<'); begin != std::string_view::npos) {
    value.remove_prefix(begin + 1);
    value = value.substr(0, value.find('>'));
  }
  std::string id = "<";
  for (char c : value) {
    auto byte = static_cast<unsigned char>(c);
    if (byte > ' ' && byte != 127) id.push_back(c);
  }
  if (id.size() == 1 || id.size() >= kLongestMessageId) return {};
  id.push_back('>');
  return guess_utf8(id);
}

void Fingerprint::add_header(const HeaderBlock& header) {
  std::string text = "mailstead fingerprint 1\n";
  for (const std::string& value : {message_id_of(header), normal_from(header.first("From")),
                                   normal_date(header.first("Date")), normal_subject(header.first("Subject"))}) {
    text += fmt::format("{}:{}\n", value.size(), value);
  }
  stream_.update(text);
}

void Fingerprint::add_body(std::string_view bytes) {
  if (bytes.empty()) return;
  if (std::exchange(after_cr_, false) && bytes.front() != '\n') append("\n");
  while (!bytes.empty()) {
    const void* found = std::memchr(bytes.data(), '\r', bytes.size());
    if (found == nullptr) {
      append(bytes);
      return;
    }
    auto length = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    append(bytes.substr(0, length));
    bytes.remove_prefix(length + 1);
    if (bytes.empty()) {
      after_cr_ = true;
    } else if (bytes.front() != '\n') {
      append("\n");  // else the line feed begins the next piece
    }
  }
}

void Fingerprint::append(std::string_view text) {
  while (!text.empty()) {
    if (filled_ == buffer_.size()) flush();
    std::size_t count = std::min(text.size(), buffer_.size() - filled_);
    std::memcpy(buffer_.data() + filled_, text.data(), count);
    filled_ += count;
    text.remove_prefix(count);
  }
}

// Hashes the buffer up to its last octet that is no line feed.
void Fingerprint::flush() {
  std::string_view text(buffer_.data(), filled_);
  filled_ = 0;
  std::size_t last = text.find_last_not_of('\n');
  if (last == std::string_view::npos) {
    line_feeds_held_ += text.size();
    return;
  }
  static constexpr std::size_t kRun = 1024;
  static const std::string kLineFeeds(kRun, '\n');
  for (; line_feeds_held_ > 0; line_feeds_held_ -= std::min<std::uint64_t>(line_feeds_held_, kRun)) {
    stream_.update(std::string_view(kLineFeeds).substr(0, static_cast<std::size_t>(line_feeds_held_)));
  }
  stream_.update(text.substr(0, last + 1));
  line_feeds_held_ = text.size() - last - 1;
}

Sha256 Fingerprint::finish() {
  flush();
  return stream_.finish();
}

}  // namespace mailstead::mail
