#include "router/folder_name.h"
#include "tests/unit/router/sample.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mailstead::router {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(SafeFileName, HoldsNoPathNoControlsAndNoSurprise) {
  struct Row {
    std::string foreign, safe;
  };
  const Row rows[] = {{"invoice.pdf", "invoice.pdf"},
                      {"", "attachment"},
                      {"..", "attachment"},
                      {".", "attachment"},
                      {"../../etc/passwd", "passwd"},
                      {"/etc/passwd", "passwd"},
                      {"C:\\Users\\a\\b.doc", "b.doc"},
                      {"a/", "attachment"},
                      {".bashrc", "attachment.bashrc"},
                      {"...hidden.txt", "hidden.txt"},
                      {"a\r\nb.txt", "a b.txt"},
                      {std::string("a\0b.txt", 7), "ab.txt"},
                      {"a\x1b[31m.txt", "a[31m.txt"},
                      {"in\xE2\x80\xAE"
                       "fdp.exe",
                       "infdp.exe"},
                      {"what? <now>:*.txt", "what_ _now___.txt"},
                      {"Rechnung M\xC3\xA4rz.pdf", "Rechnung M\xC3\xA4rz.pdf"},
                      {"a.tar.gz", "a.tar.gz"},
                      {"a.", "a"},
                      {"  a  .pdf ", "a.pdf"}};
  for (const Row& row : rows) EXPECT_EQ(safe_file_name(row.foreign), row.safe) << testing::PrintToString(row.foreign);
  const std::string longest = safe_file_name(std::string(5000, 'x') + ".pdf");
  EXPECT_EQ(longest, std::string(196, 'x') + ".pdf");
  for (int c = 0; c < 256; ++c) {
    const std::string name = safe_file_name(std::string("a") + static_cast<char>(c) + "b");
    EXPECT_FALSE(name.empty());
    EXPECT_EQ(name.find('/'), std::string::npos);
    EXPECT_EQ(name.find('\0'), std::string::npos);
  }
}

class SaveAttachments : public testing::Test {
 protected:
  SaveAttachments() {
    sample.text =
        "From: a@../b\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        "--x\r\n\r\ntext\r\n"
        "--x\r\nContent-Type: application/pdf; name=\"../up.pdf\"\r\nContent-Transfer-Encoding: "
        "base64\r\n\r\nSGVsbG8=\r\n"
        "--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment\r\n\r\nPNG\r\n--x--\r\n";
  }
  Explanation explain(const std::string& action) {
    auto set = compiled(json::parse(R"([{"name": "r", "continue": true, "then": [)" + action + "]}]"));
    return sample.ask([&](const Subject& subject) { return set->explain(subject); });
  }
  Sample sample;
};

TEST_F(SaveAttachments, PlansThoseThatFit) {
  auto explained = explain(R"({"save_attachments": "/srv/files"})");
  const Decision& decision = explained.decision;
  ASSERT_EQ(decision.saves.size(), 1U);
  EXPECT_EQ(decision.saves[0].directory, "/srv/files");
  EXPECT_EQ(decision.saves[0].rule, "r");
  ASSERT_EQ(decision.saves[0].files.size(), 2U);
  EXPECT_EQ(decision.saves[0].files[0].name, "up.pdf");
  EXPECT_EQ(decision.saves[0].files[0].encoding, "base64");
  EXPECT_EQ(sample.text.substr(decision.saves[0].files[0].offset, decision.saves[0].files[0].size), "SGVsbG8=");
  EXPECT_EQ(decision.saves[0].files[1].name, "attachment");
  EXPECT_TRUE(explained.used_default);
  EXPECT_THAT(explained.rules[0].actions[0], HasSubstr("save 2 attachments in \"/srv/files\""));

  explained = explain(R"({"save_attachments": "~/files", "type": "image/*", "size": {"under": "1KB"}})");
  ASSERT_EQ(explained.decision.saves.size(), 1U);
  EXPECT_EQ(explained.decision.saves[0].files.size(), 1U);
  EXPECT_THAT(explain(R"({"save_attachments": "/srv", "name": "*.doc"})").decision.saves, IsEmpty());
}

TEST_F(SaveAttachments, AFolderFromAStrangerStaysALevel) {
  const auto explained = explain(R"({"save_attachments": "/srv", "folder": "${from.domain}/${date:%Y}"})");
  ASSERT_EQ(explained.decision.saves.size(), 1U);
  EXPECT_EQ(explained.decision.saves[0].folder, "_._b/2024");
}

TEST(SaveAttachmentsProblem, IsFound) {
  EXPECT_THAT(problems_of(json::parse(R"([{"then": [{"save_attachments": "files"}]}])")),
              ElementsAre(HasSubstr("begins nowhere")));
  EXPECT_THAT(problems_of(json::parse(R"([{"then": [{"save_attachments": "/srv/${account}"}]}])")),
              ElementsAre(HasSubstr("the directory is fixed")));
  EXPECT_THAT(problems_of(json::parse(R"([{"then": [{"save_attachments": "/srv", "folder": "../a"}]}])")),
              ElementsAre(HasSubstr("is no name of a folder")));
}

}  // namespace
}  // namespace mailstead::router
