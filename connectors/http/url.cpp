#include "connectors/http/url.h"

#include <algorithm>
#include <charconv>

#include "mail/ascii.h"

namespace mailstead::http {
namespace {

constexpr std::size_t kMaxUrl = 2048;

bool is_visible(char c) noexcept {
  return c > ' ' && c < '\x7f';
}

bool read_port(std::string_view digits, std::uint16_t& port) {
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return error == std::errc() && end == digits.data() + digits.size() && port != 0;
}

bool is_host_character(char c) noexcept {
  return mail::is_letter(c) || mail::is_digit(c) || c == '-' || c == '.' || c == '_';
}

// "host", "host:port", "[v6]", "[v6]:port".
bool read_authority(std::string_view text, Url& url, std::string& why) {
  std::string_view port;
  if (text.starts_with('[')) {
    const auto end = text.find(']');
    if (end == std::string_view::npos) return why = "its IPv6 address does not end", false;
    url.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    const bool fits = std::all_of(url.host.begin(), url.host.end(), [](char c) {
      return mail::is_digit(c) || mail::is_letter(c) || c == ':' || c == '.';
    });
    if (!fits || url.host.find(':') == std::string::npos) return why = "its IPv6 address is none", false;
  } else {
    const auto colon = text.find(':');
    url.host = text.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : text.substr(colon);
    if (!std::all_of(url.host.begin(), url.host.end(), is_host_character)) return why = "its host is no name", false;
  }
  if (url.host.empty()) return why = "it names no host", false;
  if (port.empty()) return true;
  if (port.front() != ':' || !read_port(port.substr(1), url.port)) return why = "its port is none", false;
  return true;
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

bool parse_url(std::string_view text, Url& url, std::string& why) {
  if (text.size() > kMaxUrl) return why = "it is longer than 2048 octets", false;
  if (!std::all_of(text.begin(), text.end(), is_visible))
    return why = "it holds blanks or characters other than ASCII (write them as %20 …)", false;
  const std::string lowered = mail::lowered(text.substr(0, 8));
  url = {};
  if (lowered.starts_with("https://")) {
    text.remove_prefix(8);
  } else if (lowered.starts_with("http://")) {
    text.remove_prefix(7);
    url.tls = false;
    url.port = 80;
  } else {
    return why = "it begins with neither https:// nor http://", false;
  }
  if (text.find('#') != std::string_view::npos) return why = "a fragment (#…) is never sent", false;
  const auto path = text.find_first_of("/?");
  const std::string_view authority = text.substr(0, path);
  if (authority.find('@') != std::string_view::npos)
    return why = "a user or password does not belong into a URL: send it as a header", false;
  if (!read_authority(authority, url, why)) return false;
  if (path != std::string_view::npos) url.target = text.substr(path);
  if (url.target.starts_with('?')) url.target.insert(0, 1, '/');
  return true;
}

}  // namespace mailstead::http
