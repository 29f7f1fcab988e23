// What an IMAP client reads: any octets as one logical line, then as FETCH, LIST and loose values. Whatever comes, the
// answer is a value or a Failure.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "connectors/imap/client/capabilities.h"
#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/mailbox_status.h"
#include "connectors/imap/client/response.h"
#include "connectors/imap/codec/cursor.h"
#include "connectors/imap/codec/date_time.h"
#include "connectors/imap/codec/mailbox_name.h"
#include "connectors/imap/codec/sequence_set.h"
#include "fuzz/check.h"
#include "mail/failure.h"

namespace {

template <typename Work>
void attempt(Work work) {
  try {
    work();
  } catch (const mailstead::mail::Failure&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mailstead;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  attempt([&] {
    imap::Response response = imap::parse_response(text);
    if (response.is_data("FETCH")) (void)imap::decode_fetch(response);
    if (response.is_data("LIST")) (void)imap::decode_list(response.rest);
    if (response.is_data("STATUS")) (void)imap::decode_status(response.rest, false);
    (void)imap::Capabilities::parse(response.rest);
  });
  attempt([&] { (void)imap::body_begins(text); });
  attempt([&] {
    imap::Cursor cursor(text);
    while (!cursor.at_end()) {
      std::size_t before = cursor.position();
      cursor.skip_value();
      cursor.skip_spaces();
      FUZZ_CHECK(cursor.position() > before);
    }
  });
  attempt([&] { (void)imap::Cursor(text).expect_flag_list(); });
  if (auto name = imap::from_modified_utf7(text)) FUZZ_CHECK(imap::to_modified_utf7(*name) == text);
  if (auto set = imap::SequenceSet::parse(text)) FUZZ_CHECK(imap::SequenceSet::parse(set->text()).has_value());
  (void)imap::parse_date_time(text);
  return 0;
}
