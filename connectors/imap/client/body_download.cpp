#include "connectors/imap/client/body_download.h"

#include <algorithm>
#include <utility>

#include "connectors/imap/client/uid_set_text.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {
namespace {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;

constexpr std::size_t kMaxSliceCount = 500;
constexpr std::size_t kMaxSlices = 16;                          // their text fits the socket buffers of both sides
constexpr mail::ByteCount kLargestDropped = 256 * 1024 * 1024;  // read on past an unwanted literal up to here

}  // namespace

BodyDownload::BodyDownload(Session& session, retrieval::MessageSink& sink, storage::SourceRef folder,
                           DownloadOptions options)
    : session_(session), sink_(sink), folder_(std::move(folder)), options_(options) {}

BodyDownload::~BodyDownload() {
  if (in_sink_) sink_.abort();
}

void BodyDownload::begin_run(const std::vector<Listed>& messages) {
  messages_ = &messages;
  progress_.assign(messages.size(), Progress::kWaiting);
  expected_.assign(messages.size(), 0);
  result_ = {};
  result_.one_by_one = options_.one_by_one;
  result_.pipelined = options_.pipelined;
  window_ = std::clamp<mail::ByteCount>(options_.window_bytes, 4096,
                                        std::max<mail::ByteCount>(options_.max_window_bytes, 4096));
  next_ = 0;
}

DownloadResult BodyDownload::run(const std::vector<Listed>& messages) {
  begin_run(messages);
  while (true) {
    top_up();
    if (slices_.empty()) break;
    Step step = session_.step(*this);
    if (step.kind == Step::Kind::kTagged) slice_ended(step.completion);
  }
  for (; !alone_.empty(); alone_.pop_front()) fetch_alone(alone_.front());
  result_.window_bytes = window_;
  return std::move(result_);
}

CommandText BodyDownload::direct_command(const storage::UidRange& range, const std::string& items) {
  return CommandText("UID FETCH " + std::to_string(range.first) + ':' + std::to_string(range.last) + " (UID " + items +
                     " BODY.PEEK[])");
}

DownloadResult BodyDownload::run_direct(Tag tag, const storage::UidRange& range) {
  discovered_.clear();
  begin_run(discovered_);
  direct_ = range;
  Completion end = session_.finish(tag, *this);
  direct_.reset();
  for (Progress progress : progress_) {
    if (progress != Progress::kDone && progress != Progress::kFailed) result_.all_taken = false;
  }
  if (!end.ok() || !result_.missing.empty()) result_.all_taken = false;
  result_.missing.clear();  // the listing tells of them, and they are asked for again
  result_.announced = progress_.size();
  result_.found = std::move(discovered_);
  for (std::size_t i = progress_.size(); i-- > 0;) {
    if (progress_[i] != Progress::kDone) result_.found.erase(result_.found.begin() + static_cast<std::ptrdiff_t>(i));
  }
  result_.window_bytes = window_;
  return std::move(result_);
}

std::optional<storage::Uid> BodyDownload::under_way() const noexcept {
  if (messages_ == nullptr) return std::nullopt;
  if (fate_ != Fate::kNone && current_) {
    if (progress_[*current_] != Progress::kAsked) return std::nullopt;  // it was given up: too large
    return (*messages_)[*current_].uid;
  }
  if (sole_) return (*messages_)[*sole_].uid;
  for (const Slice& slice : slices_) {
    for (std::size_t i = slice.begin; i < slice.end; ++i) {
      if (progress_[i] == Progress::kAsked) return (*messages_)[i].uid;
    }
  }
  if (direct_) return messages_->empty() ? direct_->first : messages_->back().uid + 1;
  return std::nullopt;
}

void BodyDownload::top_up() {
  if (result_.one_by_one) {
    for (; next_ < progress_.size(); ++next_) alone_.push_back(next_);
    return;
  }
  if (!again_.empty()) {
    if (!slices_.empty()) return;
    Slice slice = again_.front();
    again_.pop_front();
    slices_.push_back(send_slice(slice.begin, slice.end));
    if (slices_.back().end < slice.end) again_.push_front({0, slices_.back().end, slice.end, false});
    return;
  }
  const std::size_t most = result_.pipelined ? kMaxSlices : 1;
  while (next_ < progress_.size() && slices_.size() < most &&
         (slices_.empty() || outstanding_ <= window_ - window_ / 4)) {
    slices_.push_back(send_slice(next_, progress_.size()));
    next_ = slices_.back().end;
  }
}

// A quarter of the window, so that the next can be asked for while this one comes in.
BodyDownload::Slice BodyDownload::send_slice(std::size_t begin, std::size_t limit) {
  UidSetText set;
  mail::ByteCount before = outstanding_;
  std::size_t end = begin;
  while (end < limit && end - begin < kMaxSliceCount && !set.full() && outstanding_ - before < window_ / 4) {
    set.add((*messages_)[end].uid);
    ask(end++);
  }
  bool behind_another = !slices_.empty();
  return {session_.send(CommandText("UID FETCH " + set.text() + " (UID BODY.PEEK[])")), begin, end, behind_another};
}

void BodyDownload::ask(std::size_t index) {
  progress_[index] = Progress::kAsked;
  // A server that lies about a size must not stall the window.
  expected_[index] = std::clamp<mail::ByteCount>((*messages_)[index].size.value_or(average_), 1, window_);
  outstanding_ += expected_[index];
}

void BodyDownload::slice_ended(const Completion& completion) {
  auto slice = std::find_if(slices_.begin(), slices_.end(), [&](const Slice& s) { return s.tag == completion.tag; });
  if (slice == slices_.end()) return;
  if (completion.status == Status::kBad && (slice->pipelined || slices_.size() > 1)) {
    // QUIRK: some proxies, fetchmail NEWS 6.3: BAD for a command that came before the last was answered.
    result_.pipelined = false;
    for (std::size_t i = slice->begin; i < slice->end; ++i) {
      if (progress_[i] == Progress::kAsked) settle(i, Progress::kWaiting);
    }
    again_.push_back(*slice);
    slices_.erase(slice);
    return;
  }
  if (completion.ok()) window_ = std::min(window_ * 2, std::max<mail::ByteCount>(options_.max_window_bytes, window_));
  for (std::size_t i = slice->begin; i < slice->end; ++i) {
    if (progress_[i] == Progress::kRetry) {
      alone_.push_back(i);
    } else if (progress_[i] == Progress::kAsked && !completion.ok()) {
      // QUIRK: Exchange, fetchmail imap.c:1096: NO for the whole set because of one message: each by itself then.
      settle(i, Progress::kRetry);
      alone_.push_back(i);
    } else if (progress_[i] == Progress::kAsked) {
      miss(i, "the server did not send it");
    }
  }
  slices_.erase(slice);
}

// One message under way: a response without UID, or with the UID last, can only be its own. The size is asked for too,
// to tell an empty message from one whose body the server cannot find.
void BodyDownload::fetch_alone(std::size_t index) {
  sole_ = index;
  ask(index);
  std::string uid = std::to_string((*messages_)[index].uid);
  Completion end = session_.run(CommandText("UID FETCH " + uid + " (UID RFC822.SIZE BODY.PEEK[])"), *this);
  sole_.reset();
  if (progress_[index] != Progress::kAsked && progress_[index] != Progress::kRetry) return;
  miss(index, end.ok() ? "the server sent no content for it" : "the server refused it: " + end.text);
}

bool BodyDownload::takes_literal(std::string_view line, mail::ByteCount size) {
  auto items = body_begins(line);
  if (!items) return false;
  if (fate_ != Fate::kNone) {
    throw Failure(FailureKind::kProtocol, FailureScope::kSession, "the server sent two bodies in one response");
  }
  fate_ = Fate::kDropped;
  current_size_ = size;
  current_.reset();
  current_ = named_by(*items);
  bool wanted = current_ && progress_[*current_] == Progress::kAsked;
  if (wanted && size > options_.max_message_bytes) {
    refuse_too_large(*current_, size);
  } else if (wanted && size > 0) {
    open(*current_, size);
  }
  if (fate_ == Fate::kDropped && size > kLargestDropped) {
    throw Failure(FailureKind::kLimit, FailureScope::kSession,
                  "the server sends " + std::to_string(size) + " octets where at most " +
                      std::to_string(options_.max_message_bytes) + " are taken");
  }
  return true;
}

void BodyDownload::open(std::size_t index, mail::ByteCount size) {
  message_failure_.clear();
  try {
    sink_.begin(incoming(index, size));
    in_sink_ = true;
    fate_ = Fate::kToSink;
  } catch (const Failure& failure) {
    if (failure.scope() != FailureScope::kMessage) throw;
    message_failure_ = failure.text();
  }
}

void BodyDownload::literal_octets(std::string_view octets) {
  if (fate_ != Fate::kToSink) return;
  try {
    sink_.append(octets);
  } catch (const Failure& failure) {
    if (failure.scope() != FailureScope::kMessage) throw;
    give_up_open(failure.text());
  }
}

void BodyDownload::give_up_open(const std::string& reason) noexcept {
  if (in_sink_) sink_.abort();
  in_sink_ = false;
  fate_ = Fate::kDropped;
  message_failure_ = reason;
}

bool BodyDownload::untagged(const Response& response) {
  if (!response.is_data("FETCH")) return false;
  FetchItems items = decode_fetch(response);
  if (fate_ != Fate::kNone) {
    bool progress = close_open(items);
    fate_ = Fate::kNone;
    return progress;
  }
  auto index = items.has_body ? named_by(items) : std::nullopt;
  if (!index || !items.has_body || progress_[*index] != Progress::kAsked) return false;
  small_body(*index, items);
  return true;
}

// The response whose literal was read is complete. Whether it brought us forward.
bool BodyDownload::close_open(const FetchItems& items) {
  auto named = items.uid ? index_of(*items.uid) : std::nullopt;
  if (!current_) {
    // UID behind the body: whose it was is known too late for the sink, so it is asked for again by itself.
    if (!named || sole_ || progress_[*named] != Progress::kAsked) return false;
    result_.one_by_one = true;
    settle(*named, Progress::kRetry);
    return true;
  }
  if (in_sink_ && named != current_) {
    give_up_open("");
    throw Failure(FailureKind::kProtocol, FailureScope::kSession, "the server sent a body under a UID not asked for");
  }
  if (progress_[*current_] != Progress::kAsked) return false;
  if (current_size_ == 0) {
    small_body(*current_, items);
  } else if (in_sink_) {
    end_open();
  } else {
    miss(*current_, std::exchange(message_failure_, {}));
  }
  return true;
}

void BodyDownload::end_open() {
  in_sink_ = false;
  try {
    sink_.end();
  } catch (const Failure& failure) {
    if (failure.scope() != FailureScope::kMessage) throw;
    return miss(*current_, failure.text());
  }
  ++result_.fetched;
  result_.bytes += current_size_;
  average_ = std::max<mail::ByteCount>(512, (average_ * 15 + current_size_) / 16);
  settle(*current_, Progress::kDone);
}

// A body inside the line: quoted, empty or NIL.
void BodyDownload::small_body(std::size_t index, const FetchItems& items) {
  bool empty = !items.body || items.body->empty();
  if (empty && !sole_) return settle(index, Progress::kRetry);
  if (empty && items.size != mail::ByteCount{0}) {
    // QUIRK: Exchange, getmail _retrieverbases.py:1828: NIL or nothing for a damaged message: left for a later poll.
    return miss(index, "the server sent no content for it");
  }
  const std::string& body = items.body ? *items.body : std::string();
  current_ = index;
  current_size_ = body.size();
  open(index, body.size());
  if (fate_ == Fate::kToSink && !body.empty()) literal_octets(body);
  if (!in_sink_) return miss(index, std::exchange(message_failure_, {}));
  end_open();
}

void BodyDownload::settle(std::size_t index, Progress progress) {
  outstanding_ -= std::min(outstanding_, expected_[index]);
  progress_[index] = progress;
}

void BodyDownload::miss(std::size_t index, std::string reason) {
  settle(index, Progress::kFailed);
  result_.missing.push_back({(*messages_)[index].uid, std::move(reason)});
}

void BodyDownload::refuse_too_large(std::size_t index, mail::ByteCount size) {
  settle(index, Progress::kFailed);
  if (options_.too_large) options_.too_large(incoming(index, size));
}

// Which message the items are of, as far as they tell.
std::optional<std::size_t> BodyDownload::named_by(FetchItems& items) {
  if (!items.uid) return direct_ ? std::nullopt : sole_;
  auto index = index_of(*items.uid);
  return index || !direct_ ? index : discover(items);
}

// A message that was not listed. It needs all that a listing tells, ahead of its body.
std::optional<std::size_t> BodyDownload::discover(FetchItems& items) {
  storage::Uid uid = *items.uid;
  bool expected = uid >= direct_->first && uid <= direct_->last;
  if (!expected || !items.flags || !items.internal_date) {
    result_.all_taken = result_.all_taken && !expected;
    return std::nullopt;
  }
  auto at = std::lower_bound(discovered_.begin(), discovered_.end(), uid,
                             [](const Listed& message, storage::Uid value) { return message.uid < value; });
  auto index = at - discovered_.begin();
  Listed listed;
  listed.uid = uid;
  listed.internal_date = *items.internal_date;
  listed.dated = true;
  listed.flags = std::move(*items.flags);
  if (items.identity) listed.identity = std::move(*items.identity);
  if (items.labels) listed.labels = std::move(*items.labels);
  if (options_.prepare) options_.prepare(listed);
  discovered_.insert(at, std::move(listed));
  progress_.insert(progress_.begin() + index, Progress::kAsked);
  expected_.insert(expected_.begin() + index, 0);
  return static_cast<std::size_t>(index);
}

std::optional<std::size_t> BodyDownload::index_of(storage::Uid uid) const {
  auto found = std::lower_bound(messages_->begin(), messages_->end(), uid,
                                [](const Listed& message, storage::Uid value) { return message.uid < value; });
  if (found == messages_->end() || found->uid != uid) return std::nullopt;
  return static_cast<std::size_t>(found - messages_->begin());
}

retrieval::Incoming BodyDownload::incoming(std::size_t index, mail::ByteCount size) const {
  const Listed& listed = (*messages_)[index];
  retrieval::Incoming message;
  message.source = folder_;
  message.source.uid = listed.uid;
  message.size_hint = size;
  message.internal_date = listed.internal_date;
  message.flags = listed.flags;
  message.identity = listed.identity;
  return message;
}

}  // namespace mailstead::imap
