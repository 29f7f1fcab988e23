#include "storage/segments/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace mailstead::storage::segments {
namespace {

using mail::operator""_KiB;

constexpr mail::ByteCount kWriteBuffer = 256_KiB;

// Gives back what it took when the last reader is gone.
class BudgetedContent final : public mail::Content {
 public:
  BudgetedContent(std::string bytes, std::shared_ptr<MemoryBudget> budget, mail::ByteCount taken)
      : bytes_(std::move(bytes)), budget_(std::move(budget)), taken_(taken) {}
  ~BudgetedContent() override { budget_->give(taken_); }
  [[nodiscard]] mail::ByteCount size() const override { return bytes_.size(); }
  [[nodiscard]] std::size_t read(mail::ByteCount offset, std::span<char> into) const override {
    if (offset >= bytes_.size()) return 0;
    return bytes_.copy(into.data(), into.size(), offset);
  }
  [[nodiscard]] std::optional<std::string_view> in_memory() const override { return bytes_; }

 private:
  std::string bytes_;
  std::shared_ptr<MemoryBudget> budget_;
  mail::ByteCount taken_;
};

int open_with_random_name(std::string& path) {
  path += "/incoming-XXXXXX";
  return ::mkostemp(path.data(), O_CLOEXEC);  // 0600 by POSIX
}

}  // namespace

bool MemoryBudget::take(mail::ByteCount bytes) noexcept {
  mail::ByteCount used = used_.load(std::memory_order_relaxed);
  do {
    if (used + bytes > limit_) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

SpoolFile::SpoolFile(const std::string& directory) {
  int descriptor = ::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  nameless_ = descriptor >= 0;
  std::string path = directory;
  if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    descriptor = open_with_random_name(path);
  }
  if (descriptor < 0) throw_errno(errno, path);
  file_ = File(descriptor, std::move(path));
}

SpoolFile::~SpoolFile() {
  if (!nameless_ && !named_) ::unlink(file_.path().c_str());
}

bool SpoolFile::name_as(const std::string& path) {
  if (named_) return false;
  if (nameless_) {
    std::string self = "/proc/self/fd/" + std::to_string(file_.descriptor());
    if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      if (errno == ENOENT) return false;  // no /proc here: the bytes are copied
      throw_errno(errno, path);
    }
  } else if (::rename(file_.path().c_str(), path.c_str()) != 0) {
    throw_errno(errno, path);
  }
  named_ = true;
  return true;
}

std::size_t SpooledContent::read(mail::ByteCount offset, std::span<char> into) const {
  if (offset >= size_) return 0;
  auto wanted = static_cast<std::size_t>(std::min<mail::ByteCount>(into.size(), size_ - offset));
  std::size_t got = spool_->file().read_at(kRecordHeaderSize + offset, into.first(wanted));
  if (got < wanted) throw_errno(EIO, spool_->file().path());
  return got;
}

bool SpooledContent::adopt_as(const std::string& path, const mail::Sha256& digest) const {
  std::lock_guard lock(adopting_);
  EncodedHeader header = encode({size_, digest});
  spool_->file().write_at(0, {header.data(), header.size()});
  return spool_->name_as(path);
}

SpoolingContent::SpoolingContent(SpoolSettings settings, std::shared_ptr<MemoryBudget> budget,
                                 mail::ByteCount size_hint)
    : settings_(std::move(settings)), budget_(std::move(budget)) {
  if (size_hint > settings_.spool_above || !budget_->take(size_hint)) {
    spill();
    return;
  }
  taken_ = size_hint;
  memory_.reserve(size_hint);
}

SpoolingContent::~SpoolingContent() {
  budget_->give(taken_);
}

void SpoolingContent::append(std::string_view bytes) {
  if (spool_ == nullptr) {
    mail::ByteCount needed = memory_.size() + bytes.size();
    // Asked for in steps, so that a message without a hint does not touch the shared counter at every line.
    mail::ByteCount step = std::max<mail::ByteCount>(needed, taken_ + 16_KiB);
    if (needed > settings_.spool_above) {
      spill();
    } else if (needed > taken_) {
      if (budget_->take(step - taken_)) {
        taken_ = step;
      } else {
        spill();
      }
    }
  }
  if (spool_ != nullptr && bytes.size() >= kWriteBuffer) {
    write_out();
    spool_->file().write_at(kRecordHeaderSize + written_, bytes);
    written_ += bytes.size();
    return;
  }
  memory_.append(bytes);
  if (spool_ != nullptr && memory_.size() >= kWriteBuffer) write_out();
}

void SpoolingContent::spill() {
  spool_ = std::make_unique<SpoolFile>(settings_.directory);
  write_out();
  memory_ = {};
  budget_->give(std::exchange(taken_, 0));
}

void SpoolingContent::write_out() {
  spool_->file().write_at(kRecordHeaderSize + written_, memory_);
  written_ += memory_.size();
  memory_.clear();
}

std::shared_ptr<const mail::Content> SpoolingContent::finish() {
  if (spool_ == nullptr) {
    return std::make_shared<BudgetedContent>(std::move(memory_), budget_, std::exchange(taken_, 0));
  }
  write_out();
  return std::make_shared<SpooledContent>(std::move(spool_), written_);
}

}  // namespace mailstead::storage::segments
