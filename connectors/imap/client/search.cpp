#include "connectors/imap/client/search.h"

#include <algorithm>

#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/sequence_set.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxFound = 200'000;
constexpr std::size_t kSearchLine = 2 * 1024 * 1024;

class SearchHandler final : public ResponseHandler {
 public:
  bool untagged(const Response& response) override {
    if (!response.is_data("ESEARCH") && !response.is_data("SEARCH")) return false;
    heard = true;
    if (response.is_data("ESEARCH")) return take_set(response.rest);
    Cursor cursor(response.rest);
    for (cursor.skip_spaces(); auto uid = cursor.try_number(UINT32_MAX); cursor.skip_spaces()) {
      add(static_cast<storage::Uid>(*uid));
    }
    return true;
  }
  std::vector<storage::Uid> found;
  bool heard = false;

 private:
  void add(storage::Uid uid) {
    if (found.size() >= kMaxFound) {
      throw Failure(FailureKind::kLimit, FailureScope::kSession, "the server's SEARCH finds too many messages");
    }
    if (uid != 0) found.push_back(uid);
  }
  // What servers of the second revision answer (RFC 9051 §7.3.4): (TAG "M5") UID ALL 1:3,5
  bool take_set(std::string_view rest) {
    Cursor cursor(rest);
    cursor.skip_spaces();
    if (cursor.peek() == '(') cursor.skip_value();
    for (cursor.skip_spaces(); !cursor.at_end(); cursor.skip_spaces()) {
      if (cursor.try_word("UID")) continue;
      bool all = cursor.try_word("ALL");
      if (!all) cursor.skip_value();
      cursor.skip_spaces();
      if (!all) {
        cursor.skip_value();
        continue;
      }
      auto set = SequenceSet::parse(cursor.expect_atom());
      if (!set) throw Failure(FailureKind::kProtocol, FailureScope::kFolder, "the server's ESEARCH names no messages");
      for (const auto& range : set->ranges()) {
        // Ends may stand in either order (RFC 9051 §9, seq-range); "*" has no place in an answer.
        auto [low, high] = std::minmax(range.first, range.last);
        if (low == kStar) continue;
        for (std::uint64_t uid = low; uid <= high; ++uid) add(static_cast<storage::Uid>(uid));
      }
    }
    return true;
  }
};

class LongLines {
 public:
  explicit LongLines(Session& session) : session_(session) { session_.set_line_limit(kSearchLine); }
  ~LongLines() { session_.set_line_limit(mail::kMaxReplyLine); }
  LongLines(const LongLines&) = delete;
  LongLines& operator=(const LongLines&) = delete;

 private:
  Session& session_;
};

}  // namespace

std::vector<storage::Uid> search_uids(Session& session, std::string_view criteria) {
  SearchHandler handler;
  LongLines long_lines(session);
  Completion end = session.run(CommandText("UID SEARCH ").raw(criteria), handler);
  if (!end.ok()) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder, "the server refused a SEARCH: " + end.text);
  }
  // "Nothing" is a result too (RFC 3501 §7.2.5). Without one nothing may be concluded, least of all that messages are
  // gone.
  if (!handler.heard) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder, "the server answered a SEARCH without a result");
  }
  // QUIRK: poczta.o2.pl, isync NEWS 1.3.1: unsorted.
  std::sort(handler.found.begin(), handler.found.end());
  return std::move(handler.found);
}

}  // namespace mailstead::imap
