#include "mail/unix_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace mailstead::mail {
namespace {

TEST(UnixLines, ConvertsAtEverySplitAndKnowsTheWayBack) {
  struct Row {
    std::string text, lines;
    bool reversible;
  };
  const Row rows[] = {
      {"", "", true},
      {"a\r\nb\r\n", "a\nb\n", true},
      {"a\r\nb", "a\nb", true},
      {"a\rb\r\n\r", "a\rb\n\r", true},
      {"a\r\r\n", "a\r\n", true},
      {"\r\n\r\n", "\n\n", true},
      {"a\nb\r\n", "a\nb\n", false},
      {"a\r\n\n", "a\n\n", false},
      {"\n", "\n", false},
  };
  for (const auto& row : rows) {
    for (std::size_t cut = 0; cut <= row.text.size(); ++cut) {
      UnixLines lines;
      std::string out;
      lines.convert(row.text.substr(0, cut), out);
      lines.convert(row.text.substr(cut), out);
      lines.finish(out);
      EXPECT_EQ(out, row.lines) << ::testing::PrintToString(row.text) << " at " << cut;
      EXPECT_EQ(lines.reversible(), row.reversible) << ::testing::PrintToString(row.text) << " at " << cut;
    }
  }
}

TEST(CrlfLines, MakesCrlfAtEverySplit) {
  struct Row {
    std::string text, lines;
  };
  const Row rows[] = {{"", ""},
                      {"a\nb\n", "a\r\nb\r\n"},
                      {"\n\n", "\r\n\r\n"},
                      {"a\r\nb\n", "a\r\nb\r\n"},
                      {"a\rb\n\r", "a\rb\r\n\r"},
                      {"\r\n\n\r\n", "\r\n\r\n\r\n"}};
  for (const auto& row : rows) {
    for (std::size_t cut = 0; cut <= row.text.size(); ++cut) {
      CrlfLines lines;
      std::string out;
      lines.convert(row.text.substr(0, cut), out);
      lines.convert(row.text.substr(cut), out);
      EXPECT_EQ(out, row.lines) << ::testing::PrintToString(row.text) << " at " << cut;
    }
  }
}

}  // namespace
}  // namespace mailstead::mail
