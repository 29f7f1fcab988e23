#include "mail/structure.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "mail/ascii.h"
#include "mail/byte_scan.h"
#include "mail/header.h"
#include "mail/header_lines.h"
#include "mail/part_header.h"

namespace mailstead::mail {
namespace {

constexpr std::size_t kBoundaryRoom = 256;  // blanks and line end behind a boundary; a longer line is no delimiter

// A part whose end has not been seen. Pointers stay good: only the innermost open multipart grows its children, and
// then none of them is open.
struct OpenPart {
  Part* part = nullptr;
  std::string boundary;                 // of a multipart that may still have parts; else empty
  std::uint64_t line_feeds_before = 0;  // in the message up to the body
  bool digest = false;
};

struct LineStart {
  ByteCount offset = 0;
  std::size_t line_end_before = 0;  // octets of the line end in front, 0 to 2
  bool blank_line_before = false;   // the line in front is empty
};

struct Delimiter {
  std::size_t index = 0;  // of the open multipart
  bool closing = false;
};

}  // namespace

struct StructureParser::State {
  enum class Mode { kHeader, kBody };

  explicit State(const ParseLimits& limits_in_force) : limits(limits_in_force) {
    root.envelope.emplace();
    begin_part(root, 0, false);
  }

  void feed(std::string_view bytes) { run(bytes); }
  Part finish();

 private:
  void run(std::string_view view);

  void begin_part(Part& part, ByteCount header_offset, bool digest);
  void end_header(std::size_t size, bool descend);
  void begin_body();
  void close_parts(std::size_t keep, const LineStart& end);
  void close_all();

  [[nodiscard]] std::optional<Delimiter> find_delimiter(std::string_view line) const;
  void take_delimiter(const Delimiter& delimiter, std::string_view line, const LineStart& start);
  [[nodiscard]] LineStart line_start(std::string_view view, std::size_t at) const;

  std::size_t read_header(std::string_view view, std::size_t at);
  bool judge_header_line();
  std::size_t read_body(std::string_view view, std::size_t at);
  std::size_t read_lines(std::string_view view, std::size_t at);
  std::size_t read_candidate(std::string_view view, std::size_t at);
  [[nodiscard]] std::size_t longest_delimiter() const { return limits.boundary_length + kBoundaryRoom; }

  ParseLimits limits;
  Part root;
  std::vector<OpenPart> open;
  std::size_t open_boundaries = 0;
  std::size_t parts = 0;
  ByteCount header_bytes = 0;  // over all parts so far

  Mode mode = Mode::kHeader;
  HeaderCollector header;
  bool in_digest = false;     // the part whose header is being read
  std::string put_back;       // collected, but behind the header's end
  std::string put_back_tail;  // `tail` in front of it

  ByteCount offset = 0;          // of the next octet
  std::uint64_t line_feeds = 0;  // in front of it, but for the header in hand
  bool at_line_start = true;
  std::string candidate;  // the beginning of a line that may be a delimiter
  LineStart candidate_start;
  std::string tail;  // the last three octets in front of the view in hand
};

// ---- parts

void StructureParser::State::begin_part(Part& part, ByteCount header_offset, bool digest) {
  part.header_offset = header_offset;
  OpenPart entry;
  entry.part = &part;
  open.push_back(std::move(entry));
  ++parts;
  in_digest = digest;
  mode = Mode::kHeader;
  header.begin(std::min(limits.header_bytes, limits.all_header_bytes - header_bytes), limits.header_fields);
}

// The first `size` octets of those collected are the header of the innermost part.
void StructureParser::State::end_header(std::size_t size, bool descend) {
  std::string_view bytes = std::string_view(header.bytes()).substr(0, size);
  HeaderBlock block = HeaderBlock::parse(bytes, limits);
  OpenPart& entry = open.back();
  read_part_header(block, in_digest, limits, *entry.part);
  if (entry.part->envelope) entry.part->envelope = read_envelope(block);
  if (entry.part->envelope && open.size() > 1) entry.part->envelope->references.clear();
  header_bytes += size;
  line_feeds += count_line_feeds(bytes);
  entry.part->body_offset = entry.part->header_offset + size;
  entry.line_feeds_before = line_feeds;
  mode = Mode::kBody;
  at_line_start = true;
  if (descend) begin_body();
}

void StructureParser::State::begin_body() {
  OpenPart& entry = open.back();
  Part& part = *entry.part;
  if (open.size() > limits.mime_depth) return;
  if (part.type == "multipart") {
    entry.boundary = boundary_of(part, limits);
    entry.digest = part.subtype == "digest";
    if (!entry.boundary.empty()) ++open_boundaries;
  } else if (holds_message(part) && parts < limits.mime_parts) {
    Part& message = part.children.emplace_back();
    message.envelope.emplace();
    begin_part(message, part.body_offset, false);
  }
}

// All but the outer `keep` parts end in front of the delimiter at `end`. The line end in front of it belongs to the
// delimiter (RFC 2046 §5.1.1), unless it is the last of the innermost header.
void StructureParser::State::close_parts(std::size_t keep, const LineStart& end) {
  ByteCount body_end = end.offset - end.line_end_before;
  bool cut = body_end >= open.back().part->body_offset;
  if (!cut) body_end = end.offset;
  while (open.size() > keep) {
    OpenPart& entry = open.back();
    Part& part = *entry.part;
    part.body_size = body_end - part.body_offset;
    std::uint64_t feeds = line_feeds - entry.line_feeds_before;
    if (part.body_size > 0) part.lines = cut && end.blank_line_before ? feeds - 1 : feeds;
    if (!entry.boundary.empty()) --open_boundaries;
    open.pop_back();
  }
}

void StructureParser::State::close_all() {
  bool open_line = !tail.empty() && tail.back() != '\n';
  for (; !open.empty(); open.pop_back()) {
    Part& part = *open.back().part;
    part.body_size = offset - part.body_offset;
    part.lines = line_feeds - open.back().line_feeds_before + (part.body_size > 0 && open_line ? 1 : 0);
  }
}

// ---- delimiters

LineStart StructureParser::State::line_start(std::string_view view, std::size_t at) const {
  auto before = [&](std::size_t back) -> char {
    if (back <= at) return view[at - back];
    back -= at;
    return back <= tail.size() ? tail[tail.size() - back] : '\n';  // the message's start is a line's start
  };
  LineStart start;
  start.offset = offset;
  if (offset == 0 || before(1) != '\n') return start;
  start.line_end_before = offset > 1 && before(2) == '\r' ? 2 : 1;
  start.blank_line_before = before(start.line_end_before + 1) == '\n';
  return start;
}

// `line` from "--" up to and with its line end. All of it must match, so that boundaries may begin alike. Inner
// multiparts come first.
std::optional<Delimiter> StructureParser::State::find_delimiter(std::string_view line) const {
  while (!line.empty() && is_space(line.back())) line.remove_suffix(1);
  if (!line.starts_with("--")) return std::nullopt;
  line.remove_prefix(2);
  for (std::size_t i = open.size(); i-- > 0;) {
    std::string_view boundary = open[i].boundary;
    if (boundary.empty() || !line.starts_with(boundary)) continue;
    std::string_view rest = line.substr(boundary.size());
    if (rest.empty() || rest == "--") return Delimiter{i, !rest.empty()};
  }
  return std::nullopt;
}

void StructureParser::State::take_delimiter(const Delimiter& delimiter, std::string_view line, const LineStart& start) {
  close_parts(delimiter.index + 1, start);
  if (line.ends_with('\n')) ++line_feeds;
  OpenPart& entry = open[delimiter.index];
  at_line_start = true;
  mode = Mode::kBody;
  if (delimiter.closing || parts >= limits.mime_parts) {
    entry.boundary.clear();
    --open_boundaries;
    return;
  }
  bool digest = entry.digest;
  begin_part(entry.part->children.emplace_back(), start.offset + line.size(), digest);
}

// ---- reading

void StructureParser::State::run(std::string_view view) {
  std::size_t at = 0;
  while (at < view.size()) {
    at = mode == Mode::kHeader ? read_header(view, at) : read_body(view, at);
    if (put_back.empty()) continue;
    std::string again = std::exchange(put_back, {});
    tail = std::move(put_back_tail);
    run(again);  // leaves the tail of what lies in front of the rest
    view.remove_prefix(at);
    at = 0;
  }
  if (view.size() >= 3) tail.clear();
  tail.append(view.substr(view.size() - std::min<std::size_t>(view.size(), 3)));
  if (tail.size() > 3) tail.erase(0, tail.size() - 3);
}

std::size_t StructureParser::State::read_header(std::string_view view, std::size_t at) {
  std::size_t taken = header.take(view.substr(at));
  at += taken;
  offset += taken;
  if (!header.line_complete() && !header.over_limit()) return at;
  if (!judge_header_line()) return at;
  std::size_t behind = put_back.size();
  if (behind <= at) {  // all of it lies in this view
    put_back.clear();
    at -= behind;
  }
  return at;
}

// True when the header ended; `put_back` then holds what was collected behind it.
bool StructureParser::State::judge_header_line() {
  if (open_boundaries > 0 && !header.over_limit()) {
    if (auto delimiter = find_delimiter(header.line())) {
      std::string line(header.line());
      LineStart start;
      start.offset = offset - line.size();
      header.end_before_line();
      end_header(header.cut(), false);
      take_delimiter(*delimiter, line, start);
      return false;
    }
  }
  if (header.accept() == HeaderCollector::Verdict::kMore) return false;
  std::size_t size = header.cut();
  std::size_t kept = std::min<std::size_t>(size, 3);
  put_back = header.bytes().substr(size);
  put_back_tail = header.bytes().substr(size - kept, kept);
  offset -= put_back.size();
  end_header(size, true);
  return true;
}

std::size_t StructureParser::State::read_body(std::string_view view, std::size_t at) {
  if (!candidate.empty()) return read_candidate(view, at);
  if (open_boundaries > 0) return read_lines(view, at);
  std::string_view rest = view.substr(at);
  line_feeds += count_line_feeds(rest);
  offset += rest.size();
  at_line_start = rest.back() == '\n';
  return view.size();
}

// Reads up to and with the next delimiter or the end of the view.
std::size_t StructureParser::State::read_lines(std::string_view view, std::size_t at) {
  const ByteCount base = offset - at;
  const char* const data = view.data();
  while (at < view.size()) {
    if (at_line_start && data[at] == '-' && (at + 1 == view.size() || data[at + 1] == '-')) {
      std::string_view near = view.substr(at, longest_delimiter());
      std::size_t feed = near.find('\n');
      offset = base + at;
      if (feed == std::string_view::npos && near.size() < longest_delimiter()) {
        candidate = near;
        candidate_start = line_start(view, at);
        offset = base + view.size();
        return view.size();
      }
      std::string_view line = near.substr(0, feed + 1);
      auto delimiter = feed == std::string_view::npos ? std::nullopt : find_delimiter(line);
      if (delimiter) {
        take_delimiter(*delimiter, line, line_start(view, at));
        at += line.size();
        offset = base + at;
        return at;
      }
    }
    const void* found = std::memchr(data + at, '\n', view.size() - at);
    at_line_start = found != nullptr;
    if (found == nullptr) {
      at = view.size();
    } else {
      at = static_cast<std::size_t>(static_cast<const char*>(found) - data) + 1;
      ++line_feeds;
    }
  }
  offset = base + at;
  return at;
}

// Goes on with a line that began in a former view.
std::size_t StructureParser::State::read_candidate(std::string_view view, std::size_t at) {
  std::string_view rest = view.substr(at, longest_delimiter() - candidate.size());
  std::size_t feed = rest.find('\n');
  if (feed != std::string_view::npos) rest = rest.substr(0, feed + 1);
  candidate.append(rest);
  offset += rest.size();
  at += rest.size();
  bool complete = candidate.back() == '\n';
  bool hopeless = (candidate.size() > 1 && candidate[1] != '-') || candidate.size() >= longest_delimiter();
  if (!complete && !hopeless) return at;
  std::string line = std::exchange(candidate, {});
  auto delimiter = complete ? find_delimiter(line) : std::nullopt;
  if (delimiter) {
    take_delimiter(*delimiter, line, candidate_start);
  } else {
    at_line_start = complete;
    if (complete) ++line_feeds;
  }
  return at;
}

Part StructureParser::State::finish() {
  while (mode == Mode::kHeader && !header.line().empty() && judge_header_line()) {
    std::string again = std::exchange(put_back, {});
    tail = std::move(put_back_tail);
    run(again);
  }
  if (!candidate.empty()) {
    std::string line = std::exchange(candidate, {});
    if (auto delimiter = find_delimiter(line)) take_delimiter(*delimiter, line, candidate_start);
  }
  if (mode == Mode::kHeader) end_header(header.bytes().size(), false);
  close_all();
  return std::move(root);
}

// ---- the outside

StructureParser::StructureParser(const ParseLimits& limits) : state_(std::make_unique<State>(limits)) {}
StructureParser::~StructureParser() = default;
StructureParser::StructureParser(StructureParser&&) noexcept = default;
StructureParser& StructureParser::operator=(StructureParser&&) noexcept = default;

void StructureParser::feed(std::string_view bytes) {
  state_->feed(bytes);
}

Part StructureParser::finish() {
  return state_->finish();
}

Part parse_structure(std::string_view message, const ParseLimits& limits) {
  StructureParser parser(limits);
  parser.feed(message);
  return parser.finish();
}

}  // namespace mailstead::mail
