// An owned file descriptor, and the failures of file calls in the words of this folder.
#pragma once

#include <string>
#include <utility>

#include <unistd.h>

namespace mailstead::local {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) noexcept : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      reset();
      number_ = std::exchange(other.number_, -1);
    }
    return *this;
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { reset(); }

  [[nodiscard]] int get() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }
  void reset() noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

// Throws the Failure that `error` (an errno) stands for: what the user must mend (rights, a missing parent) as
// kConfiguration/kAccount, everything else (full disk, I/O) as kTemporary/kSession. `where` is a path, `what` a verb.
[[noreturn]] void throw_file_failure(int error, const std::string& where, const char* what);

}  // namespace mailstead::local
