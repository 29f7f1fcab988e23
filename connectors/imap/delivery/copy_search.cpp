#include "connectors/imap/delivery/copy_search.h"

#include <algorithm>
#include <set>
#include <utility>

#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/list_folders.h"
#include "connectors/imap/client/refusal.h"
#include "connectors/imap/client/search.h"
#include "connectors/imap/client/uid_set_text.h"
#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/delivery/verdict.h"
#include "mail/ascii.h"
#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/header.h"

namespace mailstead::imap {
namespace {

using mail::ByteCount;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using mail::operator""_KiB;
using storage::Uid;

constexpr std::size_t kMaxSearchedId = 900;  // octets; strict servers refuse long lines (RFC 2683 §3.2.1.5)
constexpr ByteCount kMostAdded = 64_KiB;     // by a server that stores messages in a form of its own

struct Candidate {
  Uid uid = 0;
  std::optional<mail::WallTime> internal_date;
  std::optional<ByteCount> size;
  bool by_search = false;
};

// Sizes and dates of messages.
class FactsHandler final : public ResponseHandler {
 public:
  bool untagged(const Response& response) override {
    if (!response.is_data("FETCH")) return false;
    const FetchItems items = decode_fetch(response);
    if (!items.uid || found.size() >= 2 * kMostLookedAt) return false;
    found.push_back({*items.uid, items.internal_date, items.size, false});
    return true;
  }
  std::vector<Candidate> found;
};

// One body as it streams by.
class BodyHandler final : public ResponseHandler {
 public:
  BodyHandler(Uid uid, ByteCount most) : uid_(uid), most_(most) {}

  bool takes_literal(std::string_view line, ByteCount size) override {
    if (!body_begins(line)) return false;
    if (size > most_ || bodies_++ > 0)
      throw Failure(FailureKind::kLimit, FailureScope::kSession, "the server sends more than the message asked for");
    return true;
  }
  void literal_octets(std::string_view octets) override {
    mark_.add(octets);
    header.append(octets.substr(0, kMaxComparedHeader * 2 - std::min(header.size(), kMaxComparedHeader * 2)));
  }
  bool untagged(const Response& response) override {
    if (!response.is_data("FETCH")) return false;
    const FetchItems items = decode_fetch(response);
    if (!items.has_body) return false;
    if (items.body && !items.body->empty() && bodies_++ == 0) literal_octets(*items.body);
    ours_ = items.uid == uid_;
    return !std::exchange(heard_, true);
  }
  // Whether exactly one body came, of the message asked for.
  [[nodiscard]] bool whole() const noexcept { return ours_ && bodies_ == 1; }
  [[nodiscard]] mail::Sha256 mark() { return mark_.finish(); }
  std::string header;

 private:
  Uid uid_;
  ByteCount most_;
  int bodies_ = 0;
  bool ours_ = false, heard_ = false;
  StoredMark mark_;
};

std::string date_of(mail::WallTime time) {
  std::string text = format_date_time(time);
  return std::string(mail::trim(std::string_view(text).substr(0, text.find(' ', 2))));
}

std::string size_key(ByteCount size) {
  const std::string larger = size > 0 ? "LARGER " + std::to_string(size - 1) + " " : "";
  return "(" + larger + "SMALLER " + std::to_string(size + 1) + ")";
}

bool is_searchable(std::string_view id) {
  return !id.empty() && id.size() <= kMaxSearchedId &&
         std::all_of(id.begin(), id.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

class CopySearch {
 public:
  CopySearch(Session& session, const delivery::Outgoing& message, const MessageOctets& octets)
      : session_(session), message_(message), octets_(octets) {}

  std::optional<Uid> run() {
    std::vector<Uid> uids = searched();
    by_search_.insert(uids.begin(), uids.end());
    add_last_arrived(uids);
    for (const Candidate& candidate : worth_comparing(facts_of(std::move(uids))))
      if (is_ours(candidate)) return candidate.uid;
    return std::nullopt;
  }

 private:
  [[nodiscard]] std::string criteria() const {
    if (is_searchable(message_.message_id)) {
      std::string key = "HEADER Message-ID ";
      append_string(key, message_.message_id);
      return key;
    }
    using namespace std::chrono_literals;
    // A day on both sides: dates are those of the server's time zone (RFC 3501 §6.4.4).
    const std::string dates =
        "(SINCE " + date_of(message_.internal_date - 24h) + " BEFORE " + date_of(message_.internal_date + 48h) + ")";
    std::string key = "OR " + dates + " " + size_key(octets_.size);
    if (octets_.bare_lf > 0) key = "OR " + size_key(octets_.size + octets_.bare_lf) + " " + key;
    return key;
  }

  std::vector<Uid> searched() {
    try {
      return search_uids(session_, criteria());
    } catch (const Failure& failure) {
      if (failure.scope() != FailureScope::kFolder) throw;
      return {};  // it cannot or will not: what arrived last is looked at all the same
    }
  }

  void add_last_arrived(std::vector<Uid>& uids) {
    const auto next = session_.mailbox().uid_next;
    if (!next) return;
    for (Uid uid = *next > kLastArrived ? *next - kLastArrived : 1; uid < *next; ++uid) uids.push_back(uid);
    std::sort(uids.begin(), uids.end());
    uids.erase(std::unique(uids.begin(), uids.end()), uids.end());
  }

  std::vector<Candidate> facts_of(std::vector<Uid> uids) {
    if (uids.size() > kMostLookedAt) uids.erase(uids.begin(), uids.end() - static_cast<std::ptrdiff_t>(kMostLookedAt));
    FactsHandler handler;
    UidSetText set;
    const auto ask = [&] {
      if (set.text().empty()) return;
      const Completion end =
          session_.run(CommandText("UID FETCH ").raw(set.text()).raw(" (UID INTERNALDATE RFC822.SIZE)"), handler);
      if (!end.ok()) throw command_refusal(end, FailureScope::kFolder, "the server does not say what it holds: ");
      set = {};
    };
    for (const Uid uid : uids) {
      if (set.full()) ask();
      set.add(uid);
    }
    ask();
    return std::move(handler.found);
  }

  [[nodiscard]] bool same_date(const Candidate& candidate) const {
    return candidate.internal_date == message_.internal_date;
  }
  [[nodiscard]] bool same_size(const Candidate& candidate) const {
    if (!candidate.size) return false;
    const ByteCount size = octets_.size;
    return *candidate.size == size || *candidate.size == size + octets_.bare_lf ||
           *candidate.size == size - octets_.crlf;
  }

  // Newest first, the likeliest before the rest.
  std::vector<Candidate> worth_comparing(std::vector<Candidate> all) const {
    const auto rank = [&](const Candidate& one) {
      return (one.by_search ? 4 : 0) + (same_date(one) ? 2 : 0) + (same_size(one) ? 1 : 0);
    };
    for (Candidate& one : all) one.by_search = is_searchable(message_.message_id) && by_search_.count(one.uid) > 0;
    const auto unlikely = [&](const Candidate& one) { return rank(one) == 0 || one.size.value_or(0) > most_octets(); };
    all.erase(std::remove_if(all.begin(), all.end(), unlikely), all.end());
    std::sort(all.begin(), all.end(), [&](const Candidate& a, const Candidate& b) {
      return std::pair(rank(a), a.uid) > std::pair(rank(b), b.uid);
    });
    all.resize(std::min(all.size(), kMostCompared));
    return all;
  }

  [[nodiscard]] ByteCount most_octets() const { return 2 * octets_.size + kMostAdded; }

  bool is_ours(const Candidate& candidate) {
    BodyHandler handler(candidate.uid, most_octets());
    const Completion end =
        session_.run(CommandText("UID FETCH ").raw(std::to_string(candidate.uid)).raw(" (UID BODY.PEEK[])"), handler);
    if (!end.ok() || !handler.whole()) return false;  // it has gone, or is broken there: not to be relied on
    if (handler.mark() == octets_.mark) return true;
    const bool same_name = !message_.message_id.empty() && same_date(candidate) && !same_size(candidate);
    return same_name && header_is_within(octets_.header, header_part(handler.header));
  }

  Session& session_;
  const delivery::Outgoing& message_;
  const MessageOctets& octets_;
  std::set<Uid> by_search_;
};

// Whether a folder that cannot be opened is there at all.
bool is_listed(Connection& connection, const TargetFolder& target) {
  const auto folders = list_folders(connection.session, {{target.wire}, false, ""}, connection.memory);
  return std::any_of(folders.begin(), folders.end(),
                     [&](const Folder& folder) { return folder.name == target.name && folder.selectable; });
}

std::string collapsed(const mail::HeaderField& field) {
  std::string text = mail::lowered(field.name) + ":";
  bool blank = true;
  for (const char c : mail::unfold(field.value)) {
    if (mail::is_blank(c)) {
      blank = true;
      continue;
    }
    if (blank) text += ' ';
    blank = false;
    text += c;
  }
  return text;
}

bool is_of_mime(std::string_view name) {
  return mail::lowered(name.substr(0, 8)) == "content-" || mail::iequals(name, "MIME-Version");
}

}  // namespace

bool header_is_within(std::string_view ours, std::string_view theirs) {
  const auto sent = mail::HeaderBlock::parse(ours), stored = mail::HeaderBlock::parse(theirs);
  if (sent.first("Received") == nullptr) return false;
  std::multiset<std::string> there;
  for (const mail::HeaderField& field : stored.fields()) there.insert(collapsed(field));
  for (const mail::HeaderField& field : sent.fields()) {
    if (is_of_mime(field.name)) continue;
    const auto found = there.find(collapsed(field));
    if (found == there.end()) return false;
    there.erase(found);
  }
  return true;
}

std::optional<Uid> find_copy(Connection& connection, const TargetFolder& target, const delivery::Outgoing& message,
                             const MessageOctets& octets) {
  // Opened anew: what arrived on another connection counts.
  connection.selected = {};
  const Completion end = select_folder(connection, target.wire, false);
  if (end.ok()) return CopySearch(connection.session, message, octets).run();
  const bool gone = end.has_code("TRYCREATE") || end.has_code("NONEXISTENT");
  if (gone || (may_lack_folder(end) && !is_listed(connection, target))) return std::nullopt;
  throw command_refusal(end, FailureScope::kFolder,
                        "folder \"" + mail::printable(target.name, 200) + "\" cannot be asked for the message: ");
}

}  // namespace mailstead::imap
