// The netrc file of ftp(1), as curl and fetchmail read it: machine, default, login, password, account, macdef; words in
// double quotes may hold blanks.
#include "agent/config/paths.h"
#include "agent/config/secret_source.h"
#include "mail/ascii.h"
#include "mail/header.h"

#include <cstdlib>
#include <optional>

namespace mailstead::agent {
namespace {

class Words {
 public:
  explicit Words(std::string_view text) : text_(text) {}

  std::optional<std::string> next() {
    skip_blanks();
    if (at_ == text_.size()) return std::nullopt;
    if (text_[at_] == '"') return quoted();
    std::size_t start = at_;
    while (at_ < text_.size() && !mail::is_space(text_[at_])) ++at_;
    return std::string(text_.substr(start, at_ - start));
  }
  // A macro goes up to the next blank line.
  void skip_macro() {
    std::size_t end = text_.find("\n\n", at_);
    at_ = end == std::string_view::npos ? text_.size() : end;
  }

 private:
  void skip_blanks() {
    while (at_ < text_.size()) {
      if (mail::is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '#' && (at_ == 0 || text_[at_ - 1] == '\n')) {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
      } else {
        return;
      }
    }
  }
  std::string quoted() {
    std::string out;
    for (++at_; at_ < text_.size() && text_[at_] != '"'; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      out += text_[at_];
    }
    if (at_ < text_.size()) ++at_;
    return out;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct Entry {
  bool fits_host = false;
  std::string login;
  std::optional<std::string> password;
};

bool serves(const Entry& entry, const std::string& user) {
  return entry.fits_host && entry.password && (user.empty() || entry.login.empty() || entry.login == user);
}

std::optional<std::string> find_password(std::string_view text, const std::string& host, const std::string& user) {
  Words words(text);
  Entry entry;
  while (auto word = words.next()) {
    if (*word == "machine" || *word == "default") {
      if (serves(entry, user)) return entry.password;
      entry = {};
      entry.fits_host = *word == "default" || mail::iequals(words.next().value_or(""), host);
    } else if (*word == "login") {
      entry.login = words.next().value_or("");
    } else if (*word == "password") {
      entry.password = words.next();
    } else if (*word == "account") {
      (void)words.next();
    } else if (*word == "macdef") {
      words.skip_macro();
    }
  }
  if (serves(entry, user)) return entry.password;
  return std::nullopt;
}

}  // namespace

mail::Secret secret_of_netrc(const std::string& host, const std::string& user) {
  const char* named = std::getenv("NETRC");
  std::string path = named != nullptr ? named : home_directory() + "/.netrc";
  bool others_may_read = false;
  std::string why;
  auto text = read_small_file(path, kMaxSecretBytes, others_may_read, why);
  if (!text) fail_secret("the netrc file " + path + " cannot be read: " + why);
  mail::Secret kept(std::move(*text));  // wiped, whatever comes
  if (others_may_read) fail_secret("the netrc file " + path + " can be read by others: run \"chmod 600 " + path + '"');
  auto password = find_password(kept.reveal(), host, user);
  if (!password)
    fail_secret("the netrc file " + path + " has no password for " + in_quotes(user) + " on " + in_quotes(host));
  return first_line(std::move(*password), "the entry of " + in_quotes(host) + " in " + path);
}

}  // namespace mailstead::agent
