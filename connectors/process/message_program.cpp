#include "connectors/process/message_program.h"

#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "mail/escape.h"
#include "mail/failure.h"
#include "mail/unix_lines.h"

namespace mailstead::process {
namespace {

constexpr std::size_t kBlock = 64 * 1024;
constexpr mode_t kForUsAlone = 077;

std::string directory_for(const std::string& home) {
  struct stat status {};
  const bool is_there = !home.empty() && ::stat(home.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  return is_there ? home : "/";
}

// The content block by block.
class Blocks {
 public:
  explicit Blocks(std::shared_ptr<const mail::Content> content) : content_(std::move(content)), block_(kBlock) {}

  // Empty at the end.
  std::string_view next() {
    const std::size_t got = content_->read(offset_, block_);
    offset_ += got;
    if (got == 0 && offset_ != content_->size())
      throw mail::Failure(mail::FailureKind::kStorage, mail::FailureScope::kMessage,
                          "the kept message is shorter than it should be");
    return {block_.data(), got};
  }

 private:
  std::shared_ptr<const mail::Content> content_;
  std::vector<char> block_;
  mail::ByteCount offset_ = 0;
};

// The same with LF.
class UnixBlocks {
 public:
  explicit UnixBlocks(std::shared_ptr<const mail::Content> content) : blocks_(std::move(content)) {}

  std::string_view next() {
    converted_.clear();
    while (converted_.empty() && !ended_) {
      const std::string_view block = blocks_.next();
      ended_ = block.empty();
      if (ended_)
        lines_.finish(converted_);
      else
        lines_.convert(block, converted_);
    }
    return converted_;
  }

 private:
  Blocks blocks_;
  mail::UnixLines lines_;
  std::string converted_;
  bool ended_ = false;
};

template <typename Reader>
Source source_of(const std::shared_ptr<const mail::Content>& content) {
  return [reader = std::make_shared<Reader>(content)] { return reader->next(); };
}

}  // namespace

Program prepare(const mail::ProgramSettings& settings, const Variables& variables) {
  Program program;
  Identity who = identity_of(settings.user);
  program.command = settings.command;
  if (program.command.front().starts_with("~/")) program.command.front().replace(0, 1, who.home);
  if (settings.shell) program.command = {"/bin/sh", "-c", settings.command.front()};
  program.environment = clean_environment(who.home, variables, settings.environment);
  program.directory = directory_for(who.home);
  program.umask = kForUsAlone;
  if (who.user != ::geteuid()) program.as = std::move(who);
  if (find_program(program).empty())
    throw mail::Failure(mail::FailureKind::kConfiguration, mail::FailureScope::kAccount,
                        "there is no program " + mail::printable(program.command.front(), 200) + " that can be run");
  return program;
}

MessageInput::MessageInput(std::shared_ptr<const mail::Content> content) : content_(std::move(content)) {
  Blocks blocks(content_);
  mail::UnixLines lines;
  std::string converted;
  for (std::string_view block = blocks.next(); !block.empty(); block = blocks.next()) {
    converted.clear();
    lines.convert(block, converted);
  }
  unix_lines_ = lines.reversible();
}

Source MessageInput::source() const {
  return unix_lines_ ? source_of<UnixBlocks>(content_) : source_of<Blocks>(content_);
}

}  // namespace mailstead::process
