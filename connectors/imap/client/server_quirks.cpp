#include "connectors/imap/client/server_quirks.h"

#include <algorithm>
#include <array>
#include <string>

#include "mail/ascii.h"

namespace mailstead::imap {
namespace {

struct Row {
  std::string_view domain;    // the host is this or within it; "": any
  std::string_view greeting;  // lower-case, somewhere in the greeting; "": any
  ServerQuirks quirks;
};

constexpr ServerQuirks kGmail{15, false, true, true};
constexpr ServerQuirks kYahoo{5, true, true, true};
constexpr ServerQuirks kMicrosoft365{20, false, true, true};
constexpr ServerQuirks kExchange{20, false, false, false};

// The first that fits.
constexpr std::array<Row, 12> kRows{{
    // QUIRK: Gmail, its help pages: at most 15 connections at once.
    {"gmail.com", "", kGmail},
    {"googlemail.com", "", kGmail},
    // QUIRK: Yahoo and AOL, their help pages: at most 5 connections. fetchmail imap.c:587: wants ID before the sign-in.
    {"yahoo.com", "", kYahoo},
    {"yahoo.co.jp", "", kYahoo},
    {"yahoodns.net", "", kYahoo},
    {"aol.com", "", kYahoo},
    // QUIRK: Microsoft 365, the default throttling policy: 20 connections of a user.
    {"office365.com", "", kMicrosoft365},
    {"outlook.com", "", kMicrosoft365},
    {"hotmail.com", "", kMicrosoft365},
    {"live.com", "", kMicrosoft365},
    // QUIRK: Exchange 2013 on one's own machines, mbsync(1): MOVE is announced and broken, and several commands under
    // way break the connection. No version is told before the sign-in, so that all of them are taken for it.
    {"", "microsoft exchange imap4 service", kExchange},
    {"", "", {}},
}};

bool is_within(std::string_view host, std::string_view domain) {
  if (!host.ends_with(domain)) return false;
  return domain.empty() || host.size() == domain.size() || host[host.size() - domain.size() - 1] == '.';
}

}  // namespace

ServerQuirks quirks_of(std::string_view host, std::string_view greeting) {
  const std::string name = mail::lowered(host), words = mail::lowered(greeting);
  const auto row = std::find_if(kRows.begin(), kRows.end(), [&](const Row& one) {
    return is_within(name, one.domain) && words.find(one.greeting) != std::string::npos;
  });
  return row->quirks;
}

}  // namespace mailstead::imap
