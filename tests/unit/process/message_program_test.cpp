#include "connectors/process/message_program.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>

#include "mail/failure.h"

namespace mailstead::process {
namespace {

// Gives at most so many octets at once, and ends early if it is told to.
class Trickle final : public mail::Content {
 public:
  Trickle(std::string bytes, std::size_t step, std::size_t ends = std::string::npos)
      : bytes_(std::move(bytes)), step_(step), ends_(std::min(ends, bytes_.size())) {}
  mail::ByteCount size() const override { return bytes_.size(); }
  std::size_t read(mail::ByteCount offset, std::span<char> into) const override {
    const auto count = std::min({into.size(), step_, ends_ - std::min<std::size_t>(ends_, offset)});
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
    return count;
  }

 private:
  std::string bytes_;
  std::size_t step_, ends_;
};

std::string whole(const MessageInput& input) {
  std::string text;
  const Source source = input.source();
  for (auto bytes = source(); !bytes.empty(); bytes = source()) text += bytes;
  return text;
}

TEST(MessageInput, IsTheSameInPiecesOfAnySize) {
  const std::string text = "a\r\n\r\nb\rc\r\r\n\r";
  for (std::size_t step = 1; step <= text.size(); ++step) {
    const MessageInput input(std::make_shared<Trickle>(text, step));
    EXPECT_TRUE(input.has_unix_lines());
    EXPECT_EQ(whole(input), "a\n\nb\rc\r\n\r") << step;
    EXPECT_EQ(whole(input), "a\n\nb\rc\r\n\r") << step;  // and once more from the beginning
  }
  EXPECT_EQ(whole(MessageInput(std::make_shared<Trickle>("a\n\r\n", 1))), "a\n\r\n");
}

TEST(MessageInput, NeverTakesTheBeginningForTheWhole) {
  EXPECT_THROW(MessageInput(std::make_shared<Trickle>("a message\r\n", 4, 6)), mail::Failure);
}

TEST(Prepare, FindsTheProgramTheHomeAndTheShell) {
  mail::ProgramSettings settings;
  settings.command = {"sh", "-c", "echo $HOME; pwd; umask"};
  const Program program = prepare(settings, {{"RULE", "r"}});
  EXPECT_FALSE(program.as);
  EXPECT_EQ(program.umask, 077U);
  EXPECT_EQ(std::count(program.environment.begin(), program.environment.end(), "MAILSTEAD_RULE=r"), 1);
  settings.shell = true;
  settings.command = {"echo 'a | b' | tr a-z A-Z"};
  Request request;
  request.program = prepare(settings, {});
  EXPECT_EQ(run(request).output, "A | B\n");
  settings.shell = false;
  settings.command = {"~/no-such-program-of-ours"};
  EXPECT_THROW((void)prepare(settings, {}), mail::Failure);
}

TEST(ProgramSettings, SaysWhatIsWrongWithACommand) {
  struct Row {
    std::vector<std::string> command;
    bool shell;
    const char* fault;
  };
  const Row rows[] = {{{}, false, "names no program"},
                      {{""}, false, "names no program"},
                      {{"cat", ""}, false, ""},
                      {{"/bin/cat"}, false, ""},
                      {{"~/bin/cat"}, false, ""},
                      {{"a/b"}, true, ""},
                      {{std::string("a\0b", 3)}, false, "holds a NUL"}};
  for (const Row& row : rows) {
    mail::ProgramSettings settings;
    settings.command = row.command;
    settings.shell = row.shell;
    EXPECT_EQ(mail::fault_of_command(settings), row.fault);
  }
  mail::ProgramSettings settings;
  settings.command = {"bin/cat"};
  EXPECT_NE(mail::fault_of_command(settings), "");
  settings.command = {"spamc", "-c", "two words", ""};
  EXPECT_EQ(mail::program_text(settings), "spamc -c 'two words' ''");
}

}  // namespace
}  // namespace mailstead::process
