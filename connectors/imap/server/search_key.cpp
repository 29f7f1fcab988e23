#include "connectors/imap/server/search_key.h"

#include <algorithm>

#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/server/arguments.h"
#include "mail/ascii.h"
#include "mail/charset.h"
#include "mail/failure.h"
#include "mail/flags.h"
#include "mail/header.h"
#include "mail/unicode.h"

namespace mailstead::imap {
namespace {

using Kind = SearchKey::Kind;

constexpr std::size_t kMaxKeys = 5000;
// What all keys that open a message may cost: one of a whole message as much as ten of a header.
constexpr std::size_t kOpensBody = 10, kOpensHeader = 1, kMaxOpening = 200;

enum class Argument { kNone, kString, kDate, kNumber, kInterval, kKeyword };

struct Word {
  std::string_view name;
  Kind kind;
  Argument argument = Argument::kNone;
  std::uint8_t flags = 0;
  bool negated = false;
};
constexpr Word kWords[] = {
    {"ANSWERED", Kind::kFlags, Argument::kNone, mail::kAnswered, false},
    {"DELETED", Kind::kFlags, Argument::kNone, mail::kDeleted, false},
    {"DRAFT", Kind::kFlags, Argument::kNone, mail::kDraft, false},
    {"FLAGGED", Kind::kFlags, Argument::kNone, mail::kFlagged, false},
    {"SEEN", Kind::kFlags, Argument::kNone, mail::kSeen, false},
    {"UNANSWERED", Kind::kFlags, Argument::kNone, mail::kAnswered, true},
    {"UNDELETED", Kind::kFlags, Argument::kNone, mail::kDeleted, true},
    {"UNDRAFT", Kind::kFlags, Argument::kNone, mail::kDraft, true},
    {"UNFLAGGED", Kind::kFlags, Argument::kNone, mail::kFlagged, true},
    {"UNSEEN", Kind::kFlags, Argument::kNone, mail::kSeen, true},
    {"RECENT", Kind::kRecent},
    {"OLD", Kind::kRecent, Argument::kNone, 0, true},
    {"KEYWORD", Kind::kKeyword, Argument::kKeyword},
    {"UNKEYWORD", Kind::kKeyword, Argument::kKeyword, 0, true},
    {"EMAILID", Kind::kEmailId, Argument::kKeyword},
    {"THREADID", Kind::kThreadId, Argument::kKeyword},
    {"LARGER", Kind::kLarger, Argument::kNumber},
    {"SMALLER", Kind::kSmaller, Argument::kNumber},
    {"BEFORE", Kind::kBefore, Argument::kDate},
    {"ON", Kind::kOn, Argument::kDate},
    {"SINCE", Kind::kSince, Argument::kDate},
    {"SAVEDBEFORE", Kind::kSavedBefore, Argument::kDate},
    {"SAVEDON", Kind::kSavedOn, Argument::kDate},
    {"SAVEDSINCE", Kind::kSavedSince, Argument::kDate},
    {"OLDER", Kind::kOlder, Argument::kInterval},
    {"YOUNGER", Kind::kYounger, Argument::kInterval},
    {"SENTBEFORE", Kind::kSentBefore, Argument::kDate},
    {"SENTON", Kind::kSentOn, Argument::kDate},
    {"SENTSINCE", Kind::kSentSince, Argument::kDate},
    {"FROM", Kind::kFrom, Argument::kString},
    {"TO", Kind::kTo, Argument::kString},
    {"CC", Kind::kCc, Argument::kString},
    {"BCC", Kind::kBcc, Argument::kString},
    {"SUBJECT", Kind::kSubject, Argument::kString},
    {"BODY", Kind::kBody, Argument::kString},
    {"TEXT", Kind::kText, Argument::kString},
};

class SearchReader {
 public:
  explicit SearchReader(Cursor& cursor) : cursor_(cursor) {}

  SearchKey keys(char end) {
    SearchKey both;
    do {
      both.children.push_back(key());
    } while (cursor_.try_char(' '));
    if (end != '\0') cursor_.expect_char(end);
    // Cheap ones first: they spare the others.
    std::stable_sort(both.children.begin(), both.children.end(),
                     [](const SearchKey& a, const SearchKey& b) { return cost_of(a) < cost_of(b); });
    return both;
  }

 private:
  SearchKey key() {
    if (++count_ > kMaxKeys) reject("too many search keys");
    Depth depth(*this);
    char next = cursor_.peek();
    if (cursor_.try_char('(')) return keys(')');
    if (cursor_.try_char('$')) return simple(Kind::kSaved);
    if (mail::is_digit(next) || next == '*') {
      SearchKey numbers;
      numbers.kind = Kind::kNumbers;
      numbers.numbers = read_sequence_set(cursor_);
      return numbers;
    }
    return named(read_item_name(cursor_));
  }

  SearchKey named(const std::string& name) {
    SearchKey result;
    if (name == "ALL") return result;
    if (name == "SAVEDATESUPPORTED") return result;  // every mailbox of ours has save dates
    if (name == "NOT") return negation(next_key());
    if (name == "OR") {
      result.kind = Kind::kOr;
      result.children.push_back(next_key());
      result.children.push_back(next_key());
      return result;
    }
    if (name == "NEW") {
      result.children.push_back(simple(Kind::kRecent));
      SearchKey seen = simple(Kind::kFlags);
      seen.flags = mail::kSeen;
      result.children.push_back(negation(std::move(seen)));
      return result;
    }
    if (name == "UID") {
      result.kind = Kind::kUids;
      cursor_.expect_space();
      result.numbers = read_sequence_set(cursor_);
      return result;
    }
    if (name == "MODSEQ") return modseq();
    if (name == "HEADER") {
      result.kind = Kind::kHeader;
      cursor_.expect_space();
      result.name = cursor_.expect_astring();
      read_text(result);
      return result;
    }
    for (const Word& word : kWords) {
      if (word.name == name) return from_word(word);
    }
    reject("unknown search key");
  }

  // The name of one flag may stand before; its own modification sequence is that of all (RFC 7162 §3.1.5).
  SearchKey modseq() {
    SearchKey result = simple(Kind::kModSeq);
    cursor_.expect_space();
    if (!mail::is_digit(cursor_.peek())) {
      if (!cursor_.expect_string().starts_with("/flags/")) reject("expected the name of a flag");
      cursor_.expect_space();
      if (!cursor_.try_word("priv") && !cursor_.try_word("shared") && !cursor_.try_word("all"))
        reject("expected priv, shared or all");
      cursor_.expect_space();
    }
    result.modseq = cursor_.expect_number(INT64_MAX);
    return result;
  }

  SearchKey from_word(const Word& word) {
    SearchKey result = simple(word.kind);
    result.flags = word.flags;
    switch (word.argument) {
      case Argument::kNone: break;
      case Argument::kString: read_text(result); break;
      case Argument::kNumber:
        cursor_.expect_space();
        result.size = cursor_.expect_number();
        break;
      case Argument::kInterval: {
        cursor_.expect_space();
        auto seconds = cursor_.expect_number(UINT32_MAX);
        if (seconds == 0) reject("an interval of zero seconds");
        result.interval = std::chrono::seconds(seconds);
        break;
      }
      case Argument::kKeyword:
        cursor_.expect_space();
        result.name = std::string(cursor_.expect_atom());
        break;
      case Argument::kDate: {
        cursor_.expect_space();
        auto date = parse_search_date(cursor_.expect_astring());
        if (!date) reject("that is not a date");
        result.date = *date;
        break;
      }
    }
    return word.negated ? negation(std::move(result)) : result;
  }

  SearchKey next_key() {
    cursor_.expect_space();
    return key();
  }
  void read_text(SearchKey& result) {
    cursor_.expect_space();
    result.text = mail::fold_case(mail::guess_utf8(cursor_.expect_astring()));
  }
  static SearchKey simple(Kind kind) {
    SearchKey result;
    result.kind = kind;
    return result;
  }
  static SearchKey negation(SearchKey key) {
    SearchKey result = simple(Kind::kNot);
    result.children.push_back(std::move(key));
    return result;
  }

  struct Depth {
    explicit Depth(SearchReader& reader) : depth(reader.depth_) {
      if (++depth > mail::kMaxListDepth) {
        --depth;
        throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kSession, "search keys nest too deep");
      }
    }
    ~Depth() { --depth; }
    Depth(const Depth&) = delete;
    Depth& operator=(const Depth&) = delete;
    std::size_t& depth;
  };

  Cursor& cursor_;
  std::size_t count_ = 0, depth_ = 0;
};

std::size_t opening_cost(const SearchKey& key) {
  std::size_t cost = key.kind == Kind::kText || key.kind == Kind::kBody ? kOpensBody : 0;
  if (key.kind == Kind::kHeader) cost = kOpensHeader;
  for (const SearchKey& child : key.children) cost += opening_cost(child);
  return cost;
}

SearchReturn read_return(Cursor& cursor) {
  SearchReturn result;
  if (!cursor.try_word("RETURN")) return result;
  result.extended = true;
  cursor.expect_space();
  cursor.expect_list([&] {
    std::string option = read_item_name(cursor);
    if (option == "MIN") {
      result.min = true;
    } else if (option == "MAX") {
      result.max = true;
    } else if (option == "ALL") {
      result.all = true;
    } else if (option == "COUNT") {
      result.count = true;
    } else if (option == "SAVE") {
      result.save = true;
    } else {
      reject("unknown return option of SEARCH");
    }
  });
  if (result.silent() && !result.save) result.all = true;  // RFC 4731 §3.1: RETURN ()
  cursor.expect_space();
  return result;
}

}  // namespace

std::optional<SearchKey> read_charset_and_keys(Cursor& cursor) {
  std::string charset = cursor.expect_astring();
  if (!mail::iequals(charset, "UTF-8") && !mail::iequals(charset, "US-ASCII")) return std::nullopt;
  cursor.expect_space();
  SearchKey root = SearchReader(cursor).keys('\0');
  cursor.expect_end();
  return root;
}

SearchRequest read_search(Cursor& cursor) {
  SearchRequest request;
  request.result = read_return(cursor);
  if (cursor.try_word("CHARSET")) {
    request.with_charset = true;
    cursor.expect_space();
    auto root = read_charset_and_keys(cursor);
    request.charset_known = root.has_value();
    if (root) request.root = std::move(*root);
    return request;
  }
  request.root = SearchReader(cursor).keys('\0');
  cursor.expect_end();
  return request;
}

bool asks_modseq(const SearchKey& key) {
  return key.kind == Kind::kModSeq || std::any_of(key.children.begin(), key.children.end(), asks_modseq);
}

bool opens_too_often(const SearchKey& key) {
  return opening_cost(key) > kMaxOpening;
}

int cost_of(const SearchKey& key) {
  switch (key.kind) {
    case Kind::kBody:
    case Kind::kText: return 3;
    case Kind::kHeader: return 2;
    case Kind::kSentBefore:
    case Kind::kSentOn:
    case Kind::kSentSince:
    case Kind::kFrom:
    case Kind::kTo:
    case Kind::kCc:
    case Kind::kBcc:
    case Kind::kSubject: return 1;
    default: break;
  }
  int cost = 0;
  for (const SearchKey& child : key.children) cost = std::max(cost, cost_of(child));
  return cost;
}

}  // namespace mailstead::imap
