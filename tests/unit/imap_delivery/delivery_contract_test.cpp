#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/destination_contract.h"
#include "tests/unit/imap_delivery/served_mailbox.h"

namespace mailstead::testing {
namespace {

enum class Into { kInbox, kNewFolder, kSpecialUse };

template <Into kInto>
class ImapSubject {
 public:
  ImapSubject() {
    auto settings = served_.settings();
    if (kInto == Into::kNewFolder) settings.folder = "Lists/boost";
    if (kInto == Into::kSpecialUse) settings.folder = "\\Sent";
    destination_ = imap::make_imap_destination(settings, served_.dialer());
  }
  const delivery::Destination& destination() { return *destination_; }
  std::vector<std::string> recipients() { return {}; }
  std::vector<std::string> arrived() {
    const char* folder = kInto == Into::kInbox ? "INBOX" : kInto == Into::kNewFolder ? "Lists/boost" : "Old sent mail";
    std::vector<std::string> texts;
    for (const auto& kept : served_.kept(folder)) texts.push_back(kept.text);
    return texts;
  }
  void break_it() { served_.refuses = true; }

 private:
  ServedMailbox served_;
  std::unique_ptr<delivery::Destination> destination_;
};

using Folders =
    ::testing::Types<ImapSubject<Into::kInbox>, ImapSubject<Into::kNewFolder>, ImapSubject<Into::kSpecialUse>>;
INSTANTIATE_TYPED_TEST_SUITE_P(Imap, DestinationContract, Folders);

}  // namespace
}  // namespace mailstead::testing
