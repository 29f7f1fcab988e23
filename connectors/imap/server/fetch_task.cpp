#include "connectors/imap/server/fetch_task.h"

#include <algorithm>
#include <span>

#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/codec/syntax.h"
#include "connectors/imap/server/describe.h"
#include "connectors/imap/server/object_id.h"
#include "connectors/imap/server/preview_text.h"

namespace mailstead::imap {
namespace {

using Kind = FetchItem::Kind;
using Text = Section::Text;
using mail::operator""_MiB;

constexpr std::size_t kBatchMessages = 64;
// A connection that breaks leaves at most this much marked \Seen and unread.
constexpr mail::ByteCount kBatchOctets = mail::ByteCount{1} * 1024 * 1024;
constexpr std::size_t kReadSize = 64 * 1024;
// Text that is made, not read, of one message: ENVELOPE, BODYSTRUCTURE, HEADER.FIELDS.
constexpr std::size_t kMaxInline = 32_MiB;
// Read for composing before others have their turn.
constexpr mail::ByteCount kSliceOctets = 1_MiB;
constexpr mail::ByteCount kMaxHeader = mail::ParseLimits{}.header_bytes;

bool whole_message(const Section& section) {
  return section.path.empty() && section.text == Text::kAll;
}
bool whole_header(const Section& section) {
  return section.text == Text::kHeaderFields || section.text == Text::kHeaderFieldsNot;
}

mail::WallTime saved_at(const storage::Entry& entry) {
  return mail::WallTime(std::chrono::seconds(entry.saved));
}

[[noreturn]] void damaged() {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage, "the message cannot be read");
}

}  // namespace

FetchTask::FetchTask(Conversation& session, bool by_uid, std::vector<std::uint32_t> positions,
                     std::vector<FetchItem> items)
    : session_(session), positions_(std::move(positions)), items_(std::move(items)), by_uid_(by_uid) {
  bool says_uid = false;
  for (const FetchItem& item : items_) {
    bool section = item.kind == Kind::kSection;
    bool decoded = item.kind == Kind::kBinary || item.kind == Kind::kBinarySize || item.kind == Kind::kPreview;
    needs_content_ = needs_content_ || section || decoded;
    needs_structure_ = needs_structure_ || item.kind == Kind::kEnvelope || item.kind == Kind::kBody ||
                       item.kind == Kind::kBodyStructure || decoded || (section && !whole_message(item.section));
    sets_seen_ = sets_seen_ || ((section || decoded) && !item.peek);
    says_flags_ = says_flags_ || item.kind == Kind::kFlags;
    says_modseq_ = says_modseq_ || item.kind == Kind::kModSeq;
    says_uid = says_uid || item.kind == Kind::kUid;
  }
  sets_seen_ = sets_seen_ && !session_.view().read_only();
  if (by_uid && !says_uid) {  // RFC 3501 §6.4.8
    FetchItem uid;
    uid.kind = Kind::kUid;
    uid.label = "UID";
    items_.insert(items_.begin(), std::move(uid));
  }
}

Task::Step FetchTask::run(std::string& output) {
  spent_ = 0;
  while (true) {
    if (!composing_) {
      if (!pump(output)) return Step::kMore;
      if (next_ == positions_.size()) break;
      if (next_ == prepared_) prepare_batch();
      begin(positions_[next_]);
    }
    if (!compose()) return Step::kMore;
    composing_ = false;
    ++next_;
  }
  if (unknown_encoding_) return done(Answer::Kind::kNo, "[UNKNOWN-CTE] Some of the parts cannot be decoded.");
  if (some_unreadable_) return done(Answer::Kind::kNo, "[SERVERBUG] Some of the messages cannot be read.");
  if (some_too_long_) return done(Answer::Kind::kNo, "[LIMIT] Too much was asked for of some of the messages.");
  if (some_gone_ && !by_uid_) return done(Answer::Kind::kNo, "[EXPUNGEISSUED] Some of the messages no longer exist.");
  return done(Answer::Kind::kOk, "Fetch completed.");
}

void FetchTask::prepare_batch() {
  const MailboxView& view = session_.view();
  batch_begin_ = next_;
  std::size_t end = next_;
  mail::ByteCount octets = 0;
  while (end < positions_.size() && end - next_ < kBatchMessages && (end == next_ || octets < kBatchOctets)) {
    if (needs_content_) octets += view.entry(positions_[end]).size;
    ++end;
  }
  prepared_ = end;
  if (needs_structure_) {
    std::vector<storage::ContentId> contents;
    for (std::size_t i = next_; i < end; ++i) contents.push_back(view.entry(positions_[i]).content);
    stored_ = session_.mail().stored(contents);
    prepared_ = end = next_ + stored_.size();
  }
  newly_seen_.assign(end - next_, false);
  if (sets_seen_) mark_seen(end);
}

void FetchTask::mark_seen(std::size_t end) {
  MailboxView& view = session_.view();
  // Another session may have taken \Seen away meanwhile. A mailbox that is gone shows at the end of the command.
  if (!view.pull()) view.mark_dirty();
  std::vector<storage::Uid> uids;
  for (std::size_t i = next_; i < end; ++i) {
    std::size_t position = positions_[i];
    if (view.gone(position) || (view.entry(position).flags & mail::kSeen) != 0) continue;
    uids.push_back(view.entry(position).uid);
    newly_seen_[i - next_] = true;
  }
  if (uids.empty()) return;
  const mail::Flags seen{mail::kSeen, {}};
  auto states =
      session_.mail().change_flags(view.mailbox().id, uids, storage::FlagChange::kAdd, seen, std::nullopt, nullptr);
  for (const auto& state : states) {
    if (auto position = view.position_of(state.uid))
      view.assume(*position, storage::FlagChange::kAdd, seen, state.modseq);
  }
}

void FetchTask::begin(std::size_t position) {
  composing_ = true;
  item_ = 0;
  structure_.reset();
  content_.reset();
  facts_ = nullptr;
  if (needs_structure_ && stored_[next_ - batch_begin_]) facts_ = &*stored_[next_ - batch_begin_];
  text_ = "* " + std::to_string(position + 1) + " FETCH (";
  inline_octets_ = 0;
}

bool FetchTask::compose() {
  MailboxView& view = session_.view();
  const std::size_t position = positions_[next_];
  const bool newly_seen = newly_seen_[next_ - batch_begin_];
  try {
    if (!compose_items(position)) return false;
  } catch (const mail::Failure& failure) {
    note_failure(failure, position);
    if (newly_seen) view.tell_later(position);
    drop_message();
    return true;
  }
  if (newly_seen) {
    if (!says_flags_) {
      text_ += " FLAGS ";
      view.append_flags(text_, position);
    }
    if (!says_modseq_ && session_.enabled.condstore)
      text_ += " MODSEQ (" + std::to_string(view.entry(position).modseq) + ')';
  }
  // With CONDSTORE a change is told when its MODSEQ is.
  if (newly_seen || (says_flags_ && (says_modseq_ || !session_.enabled.condstore))) view.told(position);
  text_ += ")\r\n";
  push_piece({});
  return true;
}

void FetchTask::note_failure(const mail::Failure& failure, std::size_t position) {
  switch (failure.kind()) {
    case mail::FailureKind::kPermanent: unknown_encoding_ = true; break;
    case mail::FailureKind::kLimit: some_too_long_ = true; break;
    // RFC 2180 §4.1: what another session expunged may be gone, too.
    default: (session_.view().gone(position) ? some_gone_ : some_unreadable_) = true;
  }
}

void FetchTask::drop_message() {
  pieces_.clear();
  text_ = std::string();
  counting_.reset();
}

// With the text so far in front.
void FetchTask::push_piece(Piece piece) {
  inline_octets_ += text_.size();
  piece.text = std::move(text_);
  text_ = std::string();
  pieces_.push_back(std::move(piece));
}

bool FetchTask::compose_items(std::size_t position) {
  if (needs_content_ && !content_)
    content_ = session_.context.store.content().open(session_.view().entry(position).content);
  for (; item_ < items_.size(); ++item_) {
    if (spent_ > kSliceOctets) return false;
    if (!counting_) {
      if (item_ > 0) text_ += ' ';
      text_ += items_[item_].label;
      text_ += ' ';
    }
    if (!compose_item(items_[item_], position)) return false;
    if (inline_octets_ + text_.size() > kMaxInline)
      throw mail::Failure(mail::FailureKind::kLimit, mail::FailureScope::kMessage, "too much was asked for");
  }
  return true;
}

bool FetchTask::compose_item(const FetchItem& item, std::size_t position) {
  const MailboxView& view = session_.view();
  const storage::Entry& entry = view.entry(position);
  switch (item.kind) {
    case Kind::kFlags: view.append_flags(text_, position); break;
    case Kind::kUid: text_ += std::to_string(entry.uid); break;
    case Kind::kInternalDate: text_ += '"' + format_date_time(entry.internal_date) + '"'; break;
    case Kind::kSize: text_ += std::to_string(entry.size); break;
    case Kind::kEnvelope: append_envelope(text_, structure().envelope.value_or(mail::Envelope{})); break;
    case Kind::kBody: append_body(text_, structure(), false); break;
    case Kind::kBodyStructure: append_body(text_, structure(), true); break;
    case Kind::kModSeq: text_ += '(' + std::to_string(entry.modseq) + ')'; break;
    case Kind::kEmailId: text_ += '(' + email_object_id(entry.content) + ')'; break;
    case Kind::kThreadId: text_ += "NIL"; break;  // RFC 8474 §5.2: threads have no names here
    case Kind::kSaveDate: text_ += entry.saved == 0 ? "NIL" : '"' + format_date_time(saved_at(entry)) + '"'; break;
    case Kind::kPreview: append_string(text_, preview_text(*content_, structure())); break;
    case Kind::kBinary:
    case Kind::kBinarySize: return compose_binary(item);
    case Kind::kSection: compose_section(item); break;
  }
  return true;
}

const mail::Part& FetchTask::structure() {
  if (structure_) return *structure_;
  if (facts_ == nullptr) damaged();
  structure_ = mail::decode_structure(facts_->structure);
  if (!structure_) damaged();
  return *structure_;
}

void FetchTask::compose_section(const FetchItem& item) {
  std::optional<ByteRange> range = whole_message(item.section)
                                       ? ByteRange{0, content_->size()}
                                       : find_section(structure(), content_->size(), item.section);
  if (!range || range->offset + range->size > content_->size()) {
    text_ += "NIL";
    return;
  }
  mail::ByteCount start = item.partial ? item.start : 0;
  mail::ByteCount count = item.partial ? item.count : UINT64_MAX;
  if (whole_header(item.section)) {
    std::string header = mail::read_range(*content_, range->offset, std::min(range->size, kMaxHeader));
    spent_ += header.size();
    std::string fields = select_fields(header, item.section);
    fields = start < fields.size() ? fields.substr(start, count) : std::string();
    text_ += '{' + std::to_string(fields.size()) + "}\r\n" + fields;
    return;
  }
  start = std::min(start, range->size);
  count = std::min(count, range->size - start);
  text_ += '{' + std::to_string(count) + "}\r\n";
  Piece piece;
  piece.range = {range->offset + start, count};
  push_piece(std::move(piece));
}

// RFC 3516. Decoded twice: to know the size that is promised, and when it goes out.
bool FetchTask::compose_binary(const FetchItem& item) {
  Piece piece;
  piece.range = {0, content_->size()};
  piece.encoding = mail::TransferEncoding::kBinary;
  if (!item.section.path.empty()) {
    const mail::Part* part = mail::find_part(structure(), item.section.path);
    if (part == nullptr || part->body_offset + part->body_size > content_->size()) {
      text_ += item.kind == Kind::kBinarySize ? "0" : "NIL";
      return true;
    }
    piece.range = {part->body_offset, part->body_size};
    if (!part->is_multipart() && !part->is_message()) piece.encoding = mail::transfer_encoding(part->encoding);
    if (*piece.encoding == mail::TransferEncoding::kUnknown)
      throw mail::Failure(mail::FailureKind::kPermanent, mail::FailureScope::kMessage, "the encoding is not known");
  }
  if (!count(piece.range, *piece.encoding)) return false;
  const mail::ByteCount size = counting_->size;
  const bool has_nul = counting_->has_nul;
  counting_.reset();
  if (item.kind == Kind::kBinarySize) {
    text_ += std::to_string(size);
    return true;
  }
  piece.skip = std::min(item.partial ? item.start : 0, size);
  piece.take = std::min(item.partial ? item.count : UINT64_MAX, size - piece.skip);
  text_ += (has_nul ? "~{" : "{") + std::to_string(piece.take) + "}\r\n";
  push_piece(std::move(piece));
  return true;
}

bool FetchTask::count(const ByteRange& range, mail::TransferEncoding encoding) {
  if (!counting_) counting_.emplace(Count{DecodedRange(*content_, range, encoding)});
  while (!counting_->decoded.at_end()) {
    if (spent_ > kSliceOctets) return false;
    const std::string some = counting_->decoded.next();
    spent_ += kReadSize;
    counting_->size += some.size();
    counting_->has_nul = counting_->has_nul || some.find('\0') != std::string::npos;
  }
  return true;
}

void FetchTask::pump_decoded(Piece& piece, std::string& output) {
  if (!decoded_) decoded_.emplace(*content_, piece.range, *piece.encoding);
  if (decoded_->at_end()) damaged();  // it was longer when it was counted
  std::string some = decoded_->next();
  auto skipped = static_cast<std::size_t>(std::min<mail::ByteCount>(piece.skip, some.size()));
  piece.skip -= skipped;
  auto taken = static_cast<std::size_t>(std::min<mail::ByteCount>(piece.take, some.size() - skipped));
  piece.take -= taken;
  output.append(some, skipped, taken);
  if (piece.take == 0) decoded_.reset();
}

// True when the response in hand is out.
bool FetchTask::pump(std::string& output) {
  while (!pieces_.empty()) {
    if (output.size() > net::kOutputHighWater) return false;
    Piece& piece = pieces_.front();
    output += piece.text;
    piece.text.clear();
    if (piece.encoding) {
      if (piece.take > 0) pump_decoded(piece, output);
      if (piece.take > 0) continue;
      piece.range.size = 0;
    } else if (piece.range.size > 0) {
      std::size_t before = output.size();
      auto want = static_cast<std::size_t>(std::min<mail::ByteCount>(piece.range.size, kReadSize));
      output.resize(before + want);
      std::size_t got = content_->read(piece.range.offset, std::span(output.data() + before, want));
      output.resize(before + got);
      if (got == 0) damaged();  // the octets are promised already: only the connection's end is honest
      piece.range.offset += got;
      piece.range.size -= got;
    }
    if (piece.range.size == 0) pieces_.pop_front();
  }
  return output.size() <= net::kOutputHighWater;
}

}  // namespace mailstead::imap
