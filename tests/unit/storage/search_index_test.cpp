// The index of texts: whatever it says, a message that holds the text is never left out.
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

#include "mail/scan.h"
#include "mail/structure.h"
#include "mail/unicode.h"
#include "tests/unit/storage/store_fixture.h"

namespace mailstead::storage {
namespace {

using namespace std::chrono_literals;

class SearchIndexTest : public testing::Test {
 protected:
  SearchIndexTest() { open(); }

  void open(bool keep = true) {
    store_.reset();
    store_ = open_store({.data_dir = directory_.data(), .mode = OpenMode::kAgent, .min_free = 0});
    if (keep) store_->keep_search_index();
  }
  void close() { store_.reset(); }

  ContentId add(const std::string& text, const std::string& fields = "") {
    const std::string bytes = "Subject: number " + std::to_string(++number_) + "\r\n" + fields + "\r\n" + text;
    const mail::MessageFacts facts = mail::scan_message(bytes);
    Acceptance acceptance = message(number_, bytes);
    acceptance.contents.front().header_size = facts.header.size();
    acceptance.contents.front().structure = mail::encode_structure(facts.structure);
    (void)accepted(*store_, std::move(acceptance));
    return store_->mail().open(store_->mail().find("alice", "INBOX")->id)->entries.back().content;
  }

  // Until all that was added is covered.
  void wait_for(ContentId last) {
    for (int i = 0; i < 600 && store_->search_index()->facts().covered_through < last; ++i)
      std::this_thread::sleep_for(50ms);
    ASSERT_GE(store_->search_index()->facts().covered_through, last) << store_->search_index()->facts().trouble;
  }
  std::optional<SearchHits> find(const std::string& text) {
    return store_->search_index()->find(mail::fold_case(text));
  }
  std::vector<ContentId> hits(const std::string& text) {
    auto found = find(text);
    EXPECT_TRUE(found.has_value()) << text;
    return found ? found->contents : std::vector<ContentId>{};
  }

  ino_t inode() const {
    struct stat status {};
    EXPECT_EQ(::stat(file().c_str(), &status), 0);
    return status.st_ino;
  }
  std::string file() const { return directory_.data() + "/search.db"; }

  TemporaryDirectory directory_;
  std::unique_ptr<Store> store_;
  std::size_t number_ = 0;
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(SearchIndexTest, IsNotThereUnlessKept) {
  open(false);
  EXPECT_EQ(store_->search_index(), nullptr);
}

TEST_F(SearchIndexTest, FindsWordsPartsOfWordsAndOtherScripts) {
  const ContentId plain = add("The invoice lies on the table.\r\n");
  const ContentId encoded = add("VGjDpCBJTlZPSUNFIG9mIFrDvHJpY2g=\r\n",
                                "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n");
  const ContentId japanese = add("請求書をお送りします\r\n", "Content-Type: text/plain; charset=utf-8\r\n");
  const ContentId header = add("nothing\r\n", "X-Note: =?utf-8?q?gr=C3=BCne_Invoices?=\r\n");
  const ContentId attached = add("--b\r\nContent-Type: application/pdf\r\n\r\ninvoice\r\n--b--\r\n",
                                 "Content-Type: multipart/mixed; boundary=b\r\n");
  wait_for(attached);
  EXPECT_THAT(hits("Invoice"), ElementsAre(plain, encoded, header));
  EXPECT_THAT(hits("nvoi"), ElementsAre(plain, encoded, header));
  EXPECT_THAT(hits("ZÜRICH"), ElementsAre(encoded));
  EXPECT_THAT(hits("求書を"), ElementsAre(japanese));
  EXPECT_THAT(hits("x-note: GRÜNE"), ElementsAre(header));
  EXPECT_THAT(hits("number 4"), ElementsAre(header));
  EXPECT_THAT(hits("nowhere to be found"), IsEmpty());
}

TEST_F(SearchIndexTest, SaysThatItCannotTellOfShortTexts) {
  wait_for(add("ab 請求 x\r\n"));
  EXPECT_EQ(find(""), std::nullopt);
  EXPECT_EQ(find("ab"), std::nullopt);
  EXPECT_EQ(find("請求"), std::nullopt);
  EXPECT_NE(find("ab "), std::nullopt);
}

TEST_F(SearchIndexTest, MayHoldWhatItHasNotSeen) {
  wait_for(add("first\r\n"));
  const auto found = find("no such words");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->may_hold(found->covered_through));
  EXPECT_TRUE(found->may_hold(found->covered_through + 1));
}

TEST_F(SearchIndexTest, QuotesNulsAndBrokenOctetsDoNotHideWhatIsBesideThem) {
  const ContentId quotes = add("say \"hello\" AND \"NOT*\"\r\n");
  const ContentId nul = add(std::string("before\0behind needle\r\n", 22));
  const ContentId broken =
      add("\xff\xc3\xc3\xa4\xa4 n\xe4"
          "edle \xe6\xb1 \xe6\xb1\x82\x80\xe6\x9b\xb8 end\r\n",
          "Content-Type: text/plain; charset=utf-8\r\n");
  wait_for(broken);
  EXPECT_THAT(hits("\"hello\" and \"not*\""), ElementsAre(quotes));
  EXPECT_THAT(hits("hind needle"), ElementsAre(nul));
  EXPECT_THAT(hits("edle"), ElementsAre(nul, broken));
  EXPECT_THAT(hits(" end"), ElementsAre(broken));
}

// Against reading them all: random texts of few different characters, needles cut out of them.
TEST_F(SearchIndexTest, NeverLeavesOutAMessageThatHoldsTheText) {
  const std::string alphabet[] = {"a", "B", " ", "\"", "ä", "Ö", "ß", "я", "求", "😀", "\r\n", "*", "\xff", "\xc3"};
  std::mt19937 random(20261128);
  std::uniform_int_distribution<std::size_t> letter(0, std::size(alphabet) - 1), length(0, 60);
  std::vector<std::pair<ContentId, std::string>> texts;
  for (int i = 0; i < 60; ++i) {
    std::string text;
    for (std::size_t k = length(random); k > 0; --k) text += alphabet[letter(random)];
    texts.emplace_back(add(text, "Content-Type: text/plain; charset=utf-8\r\n"), mail::fold_case(text));
  }
  wait_for(texts.back().first);
  int asked = 0;
  for (int i = 0; i < 400; ++i) {
    std::string needle;
    for (int k = 3 + i % 5; k > 0; --k) needle += alphabet[letter(random) % 12];
    const std::string folded = mail::fold_case(needle);
    const auto found = store_->search_index()->find(folded);
    ASSERT_TRUE(found) << testing::PrintToString(needle);
    for (const auto& [content, text] : texts) {
      if (text.find(folded) == std::string::npos) continue;
      ++asked;
      EXPECT_TRUE(found->may_hold(content)) << testing::PrintToString(needle) << " in " << testing::PrintToString(text);
    }
  }
  EXPECT_GT(asked, 20);
}

TEST_F(SearchIndexTest, GoesOnWhereItWas) {
  const ContentId first = add("alpha words\r\n");
  wait_for(first);
  close();
  const ino_t before = inode();
  open();
  const ContentId second = add("beta words\r\n");
  wait_for(second);
  EXPECT_THAT(hits("words"), ElementsAre(first, second));
  EXPECT_EQ(inode(), before);
}

TEST_F(SearchIndexTest, IsMadeAnewWhenItIsDamagedForeignOrLost) {
  const ContentId only = add("alpha words\r\n");
  wait_for(only);
  const std::string garbage[] = {std::string(20000, 'x'), "", "SQLite format 3"};
  for (const std::string& bytes : garbage) {
    close();
    for (const char* suffix : {"-wal", "-shm"}) std::filesystem::remove(file() + suffix);
    std::ofstream(file(), std::ios::binary | std::ios::trunc) << bytes;
    open();
    wait_for(only);
    EXPECT_THAT(hits("words"), ElementsAre(only));
  }
  close();
  std::filesystem::remove(file());
  open();
  wait_for(only);
  EXPECT_THAT(hits("words"), ElementsAre(only));
  EXPECT_EQ(std::filesystem::status(file()).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

TEST_F(SearchIndexTest, IsMadeAnewForADatabaseThatWasPutBack) {
  const ContentId first = add("alpha words\r\n");
  wait_for(first);
  close();
  const std::string database = directory_.data() + "/mailstead.db";
  const std::string backup = directory_.path() + "/backup";
  std::filesystem::copy(directory_.data(), backup, std::filesystem::copy_options::recursive);
  open();
  wait_for(add("lost words\r\n"));
  close();
  const std::string kept = directory_.path() + "/kept.db";
  std::filesystem::copy_file(file(), kept);
  std::filesystem::remove_all(directory_.data());
  std::filesystem::copy(backup, directory_.data(), std::filesystem::copy_options::recursive);
  std::filesystem::copy_file(kept, file(), std::filesystem::copy_options::overwrite_existing);
  open();
  const ContentId second = add("other words\r\n");  // under the number that the lost one had
  wait_for(second);
  EXPECT_THAT(hits("other words"), ElementsAre(second));
  EXPECT_THAT(hits("lost words"), IsEmpty());
}

}  // namespace
}  // namespace mailstead::storage
