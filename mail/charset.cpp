#include "mail/charset.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>
#include <vector>

#include "mail/ascii.h"
#include "mail/utf8.h"

namespace mailstead::mail {
namespace {

// Names that mail uses for something else than iconv does, or for a subset of what is really in it.
constexpr std::array<std::pair<std::string_view, std::string_view>, 24> kAliases{{
    {"utf8", "utf-8"},
    {"unicode-1-1-utf-8", "utf-8"},
    {"iso-8859-1", "windows-1252"},
    {"iso8859-1", "windows-1252"},
    {"iso_8859-1", "windows-1252"},
    {"latin1", "windows-1252"},
    {"latin-1", "windows-1252"},
    {"cp1252", "windows-1252"},
    {"x-cp1252", "windows-1252"},
    {"ansi", "windows-1252"},
    {"iso-8859-8-i", "iso-8859-8"},
    {"iso-8859-9", "windows-1254"},
    {"gb2312", "gb18030"},
    {"gb_2312-80", "gb18030"},
    {"gbk", "gb18030"},
    {"x-gbk", "gb18030"},
    {"ks_c_5601-1987", "cp949"},
    {"ksc5601", "cp949"},
    {"euc-kr", "cp949"},
    {"shift_jis", "cp932"},
    {"shift-jis", "cp932"},
    {"x-sjis", "cp932"},
    {"unicode-1-1-utf-7", "utf-7"},
    {"utf-16", "utf-16be"},  // without a mark, RFC 2781 §4.3; with one see to_utf8
}};

// Lower case, without quotes and the language of RFC 2231; empty when iconv must not see it: glibc gives meaning to
// '/'.
std::string canonical_name(std::string_view charset) {
  charset = trim(charset);
  while (!charset.empty() && (charset.front() == '"' || charset.front() == '\'')) charset.remove_prefix(1);
  charset = charset.substr(0, charset.find_first_of("*\"' \t"));
  if (charset.empty() || charset.size() > 64) return {};
  std::string name = lowered(charset);
  for (char c : name) {
    if (!is_letter(c) && !is_digit(c) && std::string_view("-_.:+()").find(c) == std::string_view::npos) return {};
  }
  for (const auto& [alias, meant] : kAliases) {
    if (name == alias) return std::string(meant);
  }
  return name;
}

// Opening a converter may load a module: each thread keeps the last few.
class Converters {
 public:
  Converters() = default;
  Converters(const Converters&) = delete;
  Converters& operator=(const Converters&) = delete;
  ~Converters() {
    for (auto& [name, handle] : open_) iconv_close(handle);
  }

  // nullptr when iconv does not know the charset; valid until the next call.
  iconv_t get(const std::string& name) {
    auto found = std::find_if(open_.begin(), open_.end(), [&](const auto& entry) { return entry.first == name; });
    if (found != open_.end()) {
      iconv(found->second, nullptr, nullptr, nullptr, nullptr);
      return found->second;
    }
    iconv_t handle = iconv_open("UTF-8", name.c_str());
    if (handle == reinterpret_cast<iconv_t>(-1)) return nullptr;
    if (open_.size() == kMost) {
      iconv_close(open_.front().second);
      open_.erase(open_.begin());
    }
    open_.emplace_back(name, handle);
    return handle;
  }

 private:
  static constexpr std::size_t kMost = 8;
  std::vector<std::pair<std::string, iconv_t>> open_;
};

std::string replace_invalid(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + 16);
  while (!bytes.empty()) {
    std::size_t good = valid_utf8_prefix(bytes);
    out.append(bytes.substr(0, good));
    if (good == bytes.size()) break;
    out.append(kReplacement);
    bytes.remove_prefix(good + 1);
  }
  return out;
}

std::string convert(iconv_t converter, std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 2);
  std::array<char, 4096> buffer;
  char* in = const_cast<char*>(bytes.data());  // iconv takes char** but does not write there
  std::size_t left = bytes.size();
  while (true) {
    char* to = buffer.data();
    std::size_t room = buffer.size();
    // A last call without input writes what a stateful charset still holds.
    std::size_t result =
        left > 0 ? iconv(converter, &in, &left, &to, &room) : iconv(converter, nullptr, nullptr, &to, &room);
    int error = result == static_cast<std::size_t>(-1) ? errno : 0;
    bool flushed = left == 0 && in == nullptr;
    out.append(buffer.data(), buffer.size() - room);
    if (flushed) break;
    if (error == EILSEQ && left > 0) {
      out.append(kReplacement);
      ++in;
      --left;
    } else if (error == EINVAL) {
      out.append(kReplacement);
      break;
    } else if (error != 0 && error != E2BIG) {
      break;
    }
    if (left == 0) in = nullptr;
  }
  return is_valid_utf8(out) ? out : replace_invalid(out);
}

std::string from_windows_1252(std::string_view bytes) {
  static constexpr std::array<char16_t, 32> kHigh{0x20AC, 0xFFFD, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021,
                                                  0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0xFFFD, 0x017D, 0xFFFD,
                                                  0xFFFD, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
                                                  0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0xFFFD, 0x017E, 0x0178};
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 4);
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    append_utf8(out, byte >= 0x80 && byte < 0xA0 ? kHigh[byte - 0x80U] : byte);
  }
  return out;
}

std::string_view utf16_by_mark(std::string_view bytes) {
  if (bytes.starts_with("\xFF\xFE")) return "utf-16le";
  return "utf-16be";
}

}  // namespace

bool is_valid_utf8(std::string_view bytes) noexcept {
  return valid_utf8_prefix(bytes) == bytes.size();
}

std::string guess_utf8(std::string_view bytes) {
  return is_valid_utf8(bytes) ? std::string(bytes) : from_windows_1252(bytes);
}

std::string to_utf8(std::string_view bytes, std::string_view charset) {
  std::string name = canonical_name(charset);
  if (name.empty() || name == "us-ascii" || name == "ascii") return guess_utf8(bytes);
  if (name == "utf-8") return is_valid_utf8(bytes) ? std::string(bytes) : replace_invalid(bytes);
  if (name == "windows-1252") return from_windows_1252(bytes);
  if (name == "utf-16be" || name == "utf-16le") {
    bool marked = bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF");
    if (marked) {
      name = utf16_by_mark(bytes);
      bytes.remove_prefix(2);
    }
  }
  thread_local Converters converters;
  iconv_t converter = converters.get(name);
  return converter != nullptr ? convert(converter, bytes) : guess_utf8(bytes);
}

}  // namespace mailstead::mail
