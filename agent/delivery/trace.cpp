#include "agent/delivery/trace.h"

#include "mail/date.h"
#include "mail/failure.h"
#include "mail/header.h"
#include "mail/limits.h"

#include <fmt/format.h>
#include <openssl/rand.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace mailstead::agent {

namespace {

constexpr std::string_view kTraceField = "X-Mailstead-Trace";
constexpr std::size_t kInstanceBytes = 12;

[[noreturn]] void fail(const std::string& path) {
  throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kProcess, path + ": " + std::strerror(errno));
}

std::string random_name() {
  std::array<unsigned char, kInstanceBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
    throw mail::Failure(mail::FailureKind::kTemporary, mail::FailureScope::kProcess, "no random numbers to be had");
  std::string name;
  for (unsigned char byte : bytes) name += fmt::format("{:02x}", byte);
  return name;
}

std::string read_name(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (file < 0) {
    if (errno == ENOENT) return {};
    fail(path);
  }
  std::array<char, 2 * kInstanceBytes> text{};
  const auto count = ::read(file, text.data(), text.size());
  ::close(file);
  if (count != static_cast<ssize_t>(text.size())) return {};
  return {text.data(), text.size()};
}

void write_name(const std::string& path, const std::string& name) {
  const std::string fresh = path + ".new";
  const int file = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (file < 0) fail(fresh);
  const bool written =
      ::write(file, name.data(), name.size()) == static_cast<ssize_t>(name.size()) && ::fsync(file) == 0;
  ::close(file);
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) fail(path);
}

}  // namespace

std::string instance_of(const std::string& data_dir) {
  const std::string path = data_dir + "/instance";
  std::string name = read_name(path);
  if (name.empty()) {
    name = random_name();
    write_name(path, name);
  }
  return name;
}

std::shared_ptr<const mail::Content> with_trace(std::shared_ptr<const mail::Content> content, const std::string& host,
                                                const std::string& instance, storage::MessageId message,
                                                mail::WallTime now) {
  std::string head = fmt::format("Received: by {} (Mailstead) id {};\r\n\t{}\r\n{}: {}\r\n", host, message,
                                 mail::format_date(now), kTraceField, instance);
  return std::make_shared<mail::JoinedContent>(std::move(head), std::move(content), 0);
}

std::optional<std::string> loop_in(std::string_view header, const std::string& instance) {
  const auto block = mail::HeaderBlock::parse(header);
  for (const auto* field : block.all(kTraceField))
    if (mail::unfold(field->value) == instance) return "mail loop: the message has passed this agent before";
  const std::size_t hops = block.all("Received").size();
  if (hops > mail::kMaxHops) return fmt::format("mail loop: {} Received fields, more than {}", hops, mail::kMaxHops);
  return std::nullopt;
}

}  // namespace mailstead::agent
