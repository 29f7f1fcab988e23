#include "mail/date.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "mail/ascii.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kLongest = 256;  // octets looked at; no date is longer
constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
// RFC 5322 §4.3, and those seen most in dates written against it.
constexpr std::array<std::pair<std::string_view, int>, 29> kZones{
    {{"ut", 0},      {"utc", 0},     {"gmt", 0},    {"z", 0},      {"est", -300}, {"edt", -240},
     {"cst", -360},  {"cdt", -300},  {"mst", -420}, {"mdt", -360}, {"pst", -480}, {"pdt", -420},
     {"akst", -540}, {"akdt", -480}, {"hst", -600}, {"wet", 0},    {"west", 60},  {"bst", 60},
     {"cet", 60},    {"cest", 120},  {"met", 60},   {"mest", 120}, {"mez", 60},   {"mesz", 120},
     {"eet", 120},   {"eest", 180},  {"msk", 180},  {"jst", 540},  {"kst", 540}}};

struct Token {
  enum class Kind { kNumber, kWord, kMark };
  Kind kind = Kind::kMark;
  int number = 0;
  std::size_t digits = 0;
  std::string word;  // lower case
  char mark = 0;
  bool gap_before = false;
};

// Comments count as gaps; nested ones too.
std::vector<Token> tokenize(std::string_view text) {
  std::vector<Token> tokens;
  int depth = 0;
  bool gap = true;
  for (std::size_t i = 0; i < text.size();) {
    char c = text[i];
    if (c == '(' || depth > 0) {
      depth += c == '(' ? 1 : c == ')' ? -1 : 0;
      gap = true;
      ++i;
      continue;
    }
    if (is_space(c) || c == '\0') {
      gap = true;
      ++i;
      continue;
    }
    Token token;
    token.gap_before = std::exchange(gap, false);
    std::size_t begin = i;
    if (is_digit(c)) {
      token.kind = Token::Kind::kNumber;
      while (i < text.size() && is_digit(text[i])) ++i;
      token.digits = i - begin;
      for (char digit : text.substr(begin, std::min<std::size_t>(token.digits, 9)))
        token.number = token.number * 10 + (digit - '0');
    } else if (is_letter(c)) {
      token.kind = Token::Kind::kWord;
      while (i < text.size() && is_letter(text[i])) ++i;
      token.word = lowered(text.substr(begin, i - begin));
    } else {
      token.mark = c;
      ++i;
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

int full_year(int year, std::size_t digits) {
  if (digits == 2 || digits == 1) return year < 50 ? year + 2000 : year + 1900;  // RFC 5322 §4.3
  return digits == 3 ? year + 1900 : year;
}

class DateReader {
 public:
  explicit DateReader(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  std::optional<MessageDate> read() {
    while (at_ < tokens_.size()) {
      const Token& token = tokens_[at_];
      switch (token.kind) {
        case Token::Kind::kNumber: read_number(); break;
        case Token::Kind::kWord: read_word(token.word); break;
        case Token::Kind::kMark: read_mark(token.mark); break;
      }
      if (bad_) return std::nullopt;
    }
    return result();
  }

 private:
  using Kind = Token::Kind;

  [[nodiscard]] const Token* token(std::size_t ahead) const {
    return at_ + ahead < tokens_.size() ? &tokens_[at_ + ahead] : nullptr;
  }
  [[nodiscard]] bool is_mark(std::size_t ahead, char mark) const {
    const Token* found = token(ahead);
    return found != nullptr && found->kind == Kind::kMark && found->mark == mark;
  }
  [[nodiscard]] bool is_number(std::size_t ahead) const {
    const Token* found = token(ahead);
    return found != nullptr && found->kind == Kind::kNumber;
  }

  void read_number() {
    if (is_mark(1, ':') && is_number(2) && !has_time_) return read_time(':');
    bool date_known = day_ > 0 && month_ > 0 && year_ >= 0;
    if (date_known && !has_time_ && is_mark(1, '.') && is_number(2)) return read_time('.');
    if (!date_known && month_ == 0 && day_ == 0 && read_numeric_date()) return;
    const Token number = tokens_[at_++];
    if (number.digits == 8 && month_ == 0 && year_ < 0) {  // 20060102
      year_ = number.number / 10000;
      month_ = number.number / 100 % 100;
      day_ = number.number % 100;
    } else if (number.digits == 6 && date_known && !has_time_) {  // behind the T of ISO 8601
      set_time(number.number / 10000, number.number / 100 % 100, number.number % 100);
    } else if (number.digits <= 2 && day_ == 0 && number.number >= 1 && number.number <= 31) {
      day_ = number.number;
    } else if (year_ < 0 && number.digits <= 4) {
      year_ = full_year(number.number, number.digits);
    } else if (!date_known) {
      bad_ = true;
    }
  }

  // y-m-d, d.m.y or m/d/y in numbers.
  bool read_numeric_date() {
    const Token* separator = token(1);
    if (separator == nullptr || separator->kind != Kind::kMark || !is_number(2)) return false;
    char mark = separator->mark;
    if ((mark != '-' && mark != '/' && mark != '.') || !is_mark(3, mark) || !is_number(4)) return false;
    const Token first = *token(0);
    const Token second = *token(2);
    const Token third = *token(4);
    at_ += 5;
    if (first.digits == 4) {
      year_ = first.number;
      month_ = second.number;
      day_ = third.number;
      return true;
    }
    bool month_first = mark == '/' ? first.number <= 12 : second.number > 12;
    day_ = month_first ? second.number : first.number;
    month_ = month_first ? first.number : second.number;
    year_ = full_year(third.number, third.digits);
    return true;
  }

  void read_time(char separator) {
    int hour = tokens_[at_].number;
    int minute = tokens_[at_ + 2].number;
    int second = 0;
    at_ += 3;
    if (is_mark(0, separator) && is_number(1)) {
      second = tokens_[at_ + 1].number;
      at_ += 2;
      if ((is_mark(0, '.') || is_mark(0, ',')) && is_number(1) && !tokens_[at_ + 1].gap_before) at_ += 2;  // fraction
    }
    set_time(hour, minute, second);
  }

  void set_time(int hour, int minute, int second) {
    has_time_ = true;
    bad_ = hour > 24 || minute > 59 || second > 60 || (hour == 24 && (minute > 0 || second > 0));
    if (!bad_) seconds_ = hour * 3600 + minute * 60 + second;
  }

  void read_word(const std::string& word) {
    ++at_;
    if (has_time_ && (word == "am" || word == "pm")) {
      int hour = seconds_ / 3600;
      if (hour > 12) return;
      seconds_ += ((word == "pm" ? 12 : 0) + (hour == 12 ? -12 : 0)) * 3600;
      return;
    }
    for (std::size_t i = 0; i < kMonths.size(); ++i) {
      if (month_ == 0 && word.size() >= 3 && word.starts_with(kMonths[i])) {
        month_ = static_cast<int>(i) + 1;
        return;
      }
    }
    if (!has_time_ || has_zone_) return;
    for (const auto& [name, minutes] : kZones) {
      if (word == name) zone_ = minutes;
    }
  }

  void read_mark(char mark) {
    ++at_;
    if ((mark != '+' && mark != '-') || !has_time_ || has_zone_ || !is_number(0) || tokens_[at_].gap_before) return;
    const Token offset = tokens_[at_];
    // "2:04:05 -2006" in no known form: four digits that cannot be a zone are left to be a year.
    if (offset.digits > 4) return;
    ++at_;
    int minutes = offset.digits <= 2 ? offset.number * 60 : offset.number / 100 * 60 + offset.number % 100;
    if (offset.digits <= 2 && is_mark(0, ':') && is_number(1)) {
      minutes += tokens_[at_ + 1].number;
      at_ += 2;
    }
    has_zone_ = true;
    zone_ = minutes < 24 * 60 ? (mark == '-' ? -minutes : minutes) : 0;
  }

  [[nodiscard]] std::optional<MessageDate> result() const {
    if (day_ < 1 || day_ > 31 || month_ < 1 || month_ > 12 || year_ < 1900 || year_ > 9999) return std::nullopt;
    std::chrono::year_month_day date{std::chrono::year(year_), std::chrono::month(static_cast<unsigned>(month_)),
                                     std::chrono::day(static_cast<unsigned>(day_))};
    if (!date.ok()) return std::nullopt;
    WallTime local = std::chrono::sys_days(date) + std::chrono::seconds(seconds_);
    return MessageDate{local - std::chrono::minutes(zone_), zone_};
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  int day_ = 0, month_ = 0, year_ = -1;
  int seconds_ = 0, zone_ = 0;
  bool has_time_ = false, has_zone_ = false, bad_ = false;
};

}  // namespace

std::optional<MessageDate> parse_date(std::string_view value) {
  return DateReader(tokenize(trim(value).substr(0, kLongest))).read();
}

std::string format_date(WallTime utc, int zone_minutes) {
  WallTime local = utc + std::chrono::minutes(zone_minutes);
  auto days = std::chrono::floor<std::chrono::days>(local);
  std::chrono::year_month_day date(days);
  std::chrono::hh_mm_ss time(local - days);
  std::string month(kMonths[static_cast<unsigned>(date.month()) - 1]);
  month[0] = static_cast<char>(month[0] - 'a' + 'A');
  int zone = zone_minutes < 0 ? -zone_minutes : zone_minutes;
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}{:02}{:02}",
                     kDays[std::chrono::weekday(days).c_encoding()], static_cast<unsigned>(date.day()), month,
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count(), zone_minutes < 0 ? '-' : '+', zone / 60, zone % 60);
}

}  // namespace mailstead::mail
