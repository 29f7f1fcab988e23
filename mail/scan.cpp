#include "mail/scan.h"

#include <utility>

#include "mail/byte_scan.h"
#include "mail/fingerprint.h"
#include "mail/header.h"
#include "mail/header_lines.h"

namespace mailstead::mail {
namespace {

// Every pass goes over one slice before the next slice is touched, so that it is read from memory once.
constexpr std::size_t kSlice = 32 * 1024;

}  // namespace

struct MessageScanner::State {
  explicit State(const ParseLimits& limits_in_force) : limits(limits_in_force), structure(limits_in_force) {
    collector.begin(limits.header_bytes, limits.header_fields);
  }

  void feed(std::string_view slice) {
    facts.size += slice.size();
    content.update(slice);
    structure.feed(slice);
    lines.feed(slice);
    while (in_header && !slice.empty()) {
      slice.remove_prefix(collector.take(slice));
      if (collector.line_complete() || collector.over_limit()) judge_header_line();
    }
    fingerprint.add_body(slice);
  }

  void judge_header_line() {
    if (collector.accept() == HeaderCollector::Verdict::kEnd) end_header(collector.cut());
  }

  void end_header(std::size_t size) {
    in_header = false;
    std::string bytes = collector.release();
    HeaderBlock block = HeaderBlock::parse(std::string_view(bytes).substr(0, size), limits);
    fingerprint.add_header(block);
    facts.message_id = message_id_of(block);
    facts.received_fields = block.all("Received").size();
    fingerprint.add_body(std::string_view(bytes).substr(size));
    bytes.resize(size);
    facts.header = std::move(bytes);
  }

  MessageFacts finish() {
    if (in_header && !collector.line().empty()) judge_header_line();
    if (in_header) end_header(collector.bytes().size());
    lines.finish();
    facts.content = content.finish();
    facts.fingerprint = fingerprint.finish();
    facts.structure = structure.finish();
    facts.has_8bit = lines.has_8bit();
    facts.has_nul = lines.has_nul();
    facts.has_bare_cr_or_lf = lines.has_bare_cr_or_lf();
    facts.longest_line = static_cast<std::size_t>(lines.longest_line());
    return std::move(facts);
  }

  ParseLimits limits;
  MessageFacts facts;
  StructureParser structure;
  Sha256Stream content;
  Fingerprint fingerprint;
  LineFacts lines;
  HeaderCollector collector;
  bool in_header = true;
};

MessageScanner::MessageScanner(const ParseLimits& limits) : state_(std::make_unique<State>(limits)) {}
MessageScanner::~MessageScanner() = default;
MessageScanner::MessageScanner(MessageScanner&&) noexcept = default;
MessageScanner& MessageScanner::operator=(MessageScanner&&) noexcept = default;

void MessageScanner::feed(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(kSlice, bytes.size()))) state_->feed(bytes.substr(0, kSlice));
}

MessageFacts MessageScanner::finish() {
  return state_->finish();
}

MessageFacts scan_message(std::string_view message, const ParseLimits& limits) {
  MessageScanner scanner(limits);
  scanner.feed(message);
  return scanner.finish();
}

}  // namespace mailstead::mail
