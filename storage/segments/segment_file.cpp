#include "storage/segments/segment_file.h"

#include "mail/failure.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>

namespace mailstead::storage::segments {
namespace {

constexpr std::string_view kSuffix = ".seg";
constexpr std::size_t kDigits = 8;

}  // namespace

std::string segment_name(SegmentId id) {
  std::string digits = std::to_string(id);
  if (digits.size() < kDigits) digits.insert(0, kDigits - digits.size(), '0');
  return digits.append(kSuffix);
}

std::optional<SegmentId> parse_segment_name(const std::string& name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const char* end = name.data() + name.size() - kSuffix.size();
  SegmentId id = 0;
  auto [stop, error] = std::from_chars(name.data(), end, id);
  if (error != std::errc() || stop != end || id <= 0 || segment_name(id) != name) return std::nullopt;
  return id;
}

std::size_t SegmentContent::read(mail::ByteCount offset, std::span<char> into) const {
  if (offset >= size_) return 0;
  auto wanted = static_cast<std::size_t>(std::min<mail::ByteCount>(into.size(), size_ - offset));
  std::size_t got = file_->read_at(begin_ + offset, into.first(wanted));
  if (got < wanted) {
    throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage,
                        file_->path() + " ends before the message does: it is damaged");
  }
  return got;
}

std::shared_ptr<const File> SegmentDirectory::open(SegmentId id) {
  std::lock_guard lock(mutex_);
  if (auto found = by_id_.find(id); found != by_id_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->second;
  }
  int descriptor = ::open(path_of(id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (descriptor < 0 && errno == ENOENT) return nullptr;
  if (descriptor < 0) throw_errno(errno, path_of(id));
  recent_.emplace_front(id, std::make_shared<File>(descriptor, path_of(id)));
  by_id_[id] = recent_.begin();
  if (recent_.size() > kMaxOpen) {
    by_id_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return recent_.front().second;
}

void SegmentDirectory::forget(SegmentId id) {
  std::lock_guard lock(mutex_);
  auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  recent_.erase(found->second);
  by_id_.erase(found);
}

std::vector<SegmentId> SegmentDirectory::list() const {
  std::vector<SegmentId> found;
  for (const auto& entry : std::filesystem::directory_iterator(path_)) {
    if (auto id = parse_segment_name(entry.path().filename().string())) found.push_back(*id);
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace mailstead::storage::segments
