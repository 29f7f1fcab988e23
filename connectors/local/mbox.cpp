#include "connectors/local/mbox.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "connectors/local/file_failure.h"
#include "connectors/local/local_transport.h"
#include "connectors/local/mbox_file.h"
#include "connectors/local/mbox_record.h"
#include "mail/escape.h"
#include "mail/failpoint.h"
#include "mail/failure.h"
#include "mail/units.h"

namespace mailstead::local {
namespace {

using delivery::Context;
using delivery::Outgoing;
using delivery::Reply;
using mail::ByteCount;
using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kBlock = 64 * 1024;

void check_stop(const std::stop_token& stop, const std::string& path) {
  if (stop.stop_requested())
    throw Failure(FailureKind::kCancelled, FailureScope::kSession, "stopped while writing to " + path);
}

// Calls visit(bytes) with the pieces of the record until it returns false.
template <typename Visit>
void for_each_piece(const Outgoing& message, Visit&& visit) {
  MboxRecord record;
  std::string piece = MboxRecord::from_line(message.sender, message.internal_date);
  bool go_on = visit(piece);
  ByteCount read = 0;
  mail::for_each_chunk(*message.content, 0, message.content->size(), [&](std::string_view chunk) {
    read += chunk.size();
    piece.clear();
    record.convert(chunk, piece);
    go_on = go_on && visit(piece);
  });
  if (read != message.content->size())
    throw Failure(FailureKind::kStorage, FailureScope::kMessage, "the kept message is shorter than it should be");
  piece.clear();
  record.finish(piece);
  if (go_on) visit(piece);
}

enum class Found { kNothing, kBeginning, kWhole };

// Whether the record stands at `offset`: whole, or as far as the file goes.
Found compare(const MboxFile& file, ByteCount offset, const Outgoing& message) {
  Found found = Found::kWhole;
  for_each_piece(message, [&](const std::string& piece) {
    const std::string there = file.read(offset, piece.size());
    offset += there.size();
    if (there == piece) return true;
    found = there.size() < piece.size() && piece.starts_with(there) ? Found::kBeginning : Found::kNothing;
    return false;
  });
  return found;
}

// Where lines that equal the record's From_ line begin, in order; calls visit(offset) until it returns false.
template <typename Visit>
void for_each_candidate(const MboxFile& file, const std::string& from_line, Visit&& visit) {
  std::string window;
  ByteCount begin = 0;  // of the window
  for (ByteCount next = 0;;) {
    const std::string block = file.read(next, kBlock);
    next += block.size();
    window += block;
    for (auto at = window.find(from_line); at != std::string::npos; at = window.find(from_line, at + 1)) {
      const bool line_begins = at > 0 ? window[at - 1] == '\n' : begin == 0;
      if (line_begins && !visit(begin + at)) return;
    }
    if (block.empty()) return;
    // What is kept is one octet longer than what could begin a match, so that the line before is seen.
    const std::size_t kept = std::min(window.size(), from_line.size());
    begin += window.size() - kept;
    window.erase(0, window.size() - kept);
  }
}

// One delivery; `maybe_there` tells how far it came when it throws.
class Delivery {
 public:
  Delivery(const MboxSettings& settings, const Outgoing& message, const Context& context, bool& maybe_there)
      : settings_(settings), message_(message), context_(context), maybe_there_(maybe_there) {}

  // What was done, for people.
  std::string run() {
    check_stop(context_.stop, settings_.path);
    MboxFile file(settings_.path, context_.stop);
    if (message_.answer_lost && find_earlier(file)) {
      // The attempt that left it may have died before this.
      file.sync(MboxFile::Sync::kWithName);
      return "already there";
    }
    if (context_.before_commit) context_.before_commit();
    append(file);
    return "written";
  }

 private:
  // An attempt that died: its beginning of a record is cut away.
  bool find_earlier(MboxFile& file) {
    bool whole = false;
    std::optional<ByteCount> beginning;
    const std::string from_line = MboxRecord::from_line(message_.sender, message_.internal_date);
    for_each_candidate(file, from_line, [&](ByteCount offset) {
      const Found found = compare(file, offset, message_);
      whole = found == Found::kWhole;
      if (found == Found::kBeginning) beginning = offset;
      return !whole;
    });
    if (!whole && !beginning) beginning = torn_from_line(file, from_line);
    if (!whole && beginning) file.truncate(*beginning);
    return whole;
  }

  // It may have died within the From_ line itself.
  static std::optional<ByteCount> torn_from_line(const MboxFile& file, const std::string& from_line) {
    const ByteCount size = file.size();
    const ByteCount from = size - std::min<ByteCount>(size, from_line.size());
    const std::string tail = file.read(from, from_line.size());
    const auto line = tail.rfind('\n');
    const std::size_t begin = line == std::string::npos ? 0 : line + 1;
    const std::string_view word = std::string_view(tail).substr(begin);
    if (word.empty() || !from_line.starts_with(word)) return std::nullopt;
    // Ours stands at the beginning or below an empty line; another program's unfinished line may be anything.
    const ByteCount offset = from + begin;
    if (offset != 0 && (offset < 2 || file.read(offset - 2, 2) != "\n\n")) return std::nullopt;
    return offset;
  }

  void append(MboxFile& file) {
    const ByteCount before = file.size();
    maybe_there_ = true;
    try {
      ByteCount at = before;
      const std::string gap = gap_before(file, before);
      file.write(at, gap);
      at += gap.size();
      for_each_piece(message_, [&](const std::string& piece) {
        check_stop(context_.stop, settings_.path);
        file.write(at, piece);
        at += piece.size();
        MAILSTEAD_FAILPOINT("mbox.half");
        return true;
      });
      MAILSTEAD_FAILPOINT("delivery.before_answer");
      file.sync(MboxFile::Sync::kAsNeeded);
    } catch (...) {
      file.truncate(before);  // throws: the message, or a part of it, stays
      maybe_there_ = false;
      throw;
    }
    MAILSTEAD_FAILPOINT("delivery.after_answer");
  }

  // What parts the record from a file that does not end in an empty line.
  static std::string gap_before(const MboxFile& file, ByteCount size) {
    if (size == 0) return "";
    const std::string end = file.read(size - std::min<ByteCount>(size, 2), 2);
    if (end.back() != '\n') return "\n\n";
    return end == "\n\n" || end == "\n" ? "" : "\n";
  }

  const MboxSettings& settings_;
  const Outgoing& message_;
  const Context& context_;
  bool& maybe_there_;
};

class MboxTransport final : public LocalTransport {
 public:
  explicit MboxTransport(const MboxSettings& settings) : settings_(settings) {}

 protected:
  Reply put(const Outgoing& message, const Context& context, bool& maybe_there) override {
    return {Reply::Kind::kAccepted, 0, "", Delivery(settings_, message, context, maybe_there).run()};
  }

 private:
  const MboxSettings& settings_;
};

class Mbox final : public delivery::Destination {
 public:
  explicit Mbox(MboxSettings settings) : settings_(std::move(settings)) {}

  std::unique_ptr<delivery::Transport> open() const override { return std::make_unique<MboxTransport>(settings_); }

  delivery::Facts probe(std::stop_token) const override {
    delivery::Facts facts;
    facts.lines.emplace_back("path", mail::printable(settings_.path, 300));
    struct stat status {};
    if (::stat(settings_.path.c_str(), &status) == 0) {
      if (!S_ISREG(status.st_mode)) throw_file_failure(EISDIR, settings_.path, "write to the mailbox");
      if (::access(settings_.path.c_str(), R_OK | W_OK) != 0) throw_file_failure(errno, settings_.path, "write to");
      facts.lines.emplace_back("size", mail::format_size(static_cast<ByteCount>(status.st_size)));
      return facts;
    }
    const auto parent = settings_.path.substr(0, settings_.path.rfind('/') + 1);
    if (errno != ENOENT || ::access(parent.c_str(), W_OK | X_OK) != 0) throw_file_failure(errno, parent, "write to");
    facts.lines.emplace_back("size", "0 (will be created)");
    return facts;
  }

 private:
  const MboxSettings settings_;
};

}  // namespace

std::unique_ptr<delivery::Destination> make_mbox(MboxSettings settings) {
  return std::make_unique<Mbox>(std::move(settings));
}

}  // namespace mailstead::local
