// A file descriptor that closes itself, whole reads and writes at offsets, and errno in words for people.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "mail/limits.h"

namespace mailstead::storage::segments {

// Throws Failure(kStorage, kProcess) for `code` (an errno value); `doing` names the file.
[[noreturn]] void throw_errno(int code, const std::string& doing);

// Concurrent reads are fine, writes are one thread's.
class File {
 public:
  File() = default;
  // O_CLOEXEC is added. Throws when it cannot be opened.
  File(const std::string& path, int flags, unsigned mode = 0600);
  File(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  [[nodiscard]] bool open() const noexcept { return descriptor_ >= 0; }
  [[nodiscard]] int descriptor() const noexcept { return descriptor_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] mail::ByteCount size() const;

  // The count read is less than asked for only at the end of the file.
  [[nodiscard]] std::size_t read_at(mail::ByteCount offset, std::span<char> into) const;
  void write_at(mail::ByteCount offset, std::string_view bytes) const;
  // The pieces one behind the other, with as few system calls as the system allows.
  void write_pieces_at(mail::ByteCount offset, std::span<const std::string_view> pieces) const;
  void truncate(mail::ByteCount size) const;
  // The data and what is needed to find it are on the disk. Throws SyncFailed; then nothing about the file is certain.
  void sync() const;
  void close() noexcept;

 private:
  int descriptor_ = -1;
  std::string path_;
};

// Makes the names in a directory durable. Throws SyncFailed.
void sync_directory(const std::string& path);
// True when it was there. Throws for any other trouble.
bool remove_file(const std::string& path);

}  // namespace mailstead::storage::segments
