#include "mail/message_ids.h"

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kMostIds = 10'000;
constexpr std::size_t kLongestId = 998;
constexpr std::size_t kKeptOctets = 4'000;

// The id that ends at the first ">" outside of quotes; `at` moves behind it, or behind what cannot be one.
std::string take_id(std::string_view value, std::size_t& at) {
  std::string id;
  bool quoted = false;
  for (; at < value.size(); ++at) {
    char c = value[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted && at + 1 < value.size()) {
      id += value[++at];
    } else if (c == '>' && !quoted) {
      ++at;
      return id;
    } else if (c == '<' && !quoted) {
      return {};  // the one before never ended
    } else if (static_cast<unsigned char>(c) > ' ' && c != '\x7F') {
      id += c;
    }
    if (id.size() > kLongestId) break;
  }
  return {};
}

}  // namespace

std::vector<std::string> message_ids(std::string_view value) {
  std::vector<std::string> ids;
  for (std::size_t at = value.find('<'); at != std::string_view::npos && ids.size() < kMostIds;
       at = value.find('<', at)) {
    std::string id = take_id(value, ++at);
    std::erase_if(id, [](char c) { return is_blank(c); });  // escaped ones
    if (!id.empty()) ids.push_back(std::move(id));
  }
  return ids;
}

std::string condensed_references(std::string_view value) {
  std::vector<std::string> ids = message_ids(value);
  if (ids.empty()) return {};
  std::size_t octets = ids.front().size();
  std::size_t first = ids.size();
  while (first > 1 && octets + 1 + ids[first - 1].size() <= kKeptOctets) octets += 1 + ids[--first].size();
  std::string kept = ids.front();
  for (; first < ids.size(); ++first) kept += ' ' + ids[first];
  return kept;
}

}  // namespace mailstead::mail
