// A client's bytes into the command reader of the IMAP server, in pieces of a size that the first octet gives, and each
// command into the readers of the arguments with a grammar of their own: what is wrong is a protocol error, and what is
// kept stays within its limits.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "connectors/imap/server/command_reader.h"
#include "connectors/imap/server/fetch_item.h"
#include "connectors/imap/server/incoming_append.h"
#include "connectors/imap/server/search_key.h"
#include "fuzz/check.h"
#include "mail/failure.h"

using namespace mailstead;

namespace {

template <typename Read>
void try_reading(std::string_view text, Read&& read) {
  try {
    imap::Cursor cursor(text);
    read(cursor);
  } catch (const mail::Failure& failure) {
    FUZZ_CHECK(failure.kind() == mail::FailureKind::kProtocol || failure.kind() == mail::FailureKind::kLimit);
  }
}

void read_arguments(std::string_view text) {
  try_reading(text, [](imap::Cursor& cursor) { (void)imap::read_search(cursor); });
  try_reading(text, [](imap::Cursor& cursor) { (void)imap::read_fetch_items(cursor); });
  try_reading(text, [&](imap::Cursor&) { (void)imap::IncomingAppend::begin("a APPEND " + std::string(text), {}); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] == 0 ? size : data[0];
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  imap::CommandReader reader(mail::kMaxCommandLine);
  net::InputBuffer input;
  while (!bytes.empty()) {
    input.append(bytes.substr(0, piece));
    bytes.remove_prefix(std::min(piece, bytes.size()));
    for (bool more = true; more;) {
      switch (reader.next(input)) {
        case imap::CommandReader::Event::kNeedsInput: more = false; break;
        case imap::CommandReader::Event::kLiteral:
          if (reader.literal().size <= 1024) {
            reader.keep_literal();
          } else {
            reader.stream_literal({});
          }
          break;
        case imap::CommandReader::Event::kCommand:
          read_arguments(reader.text());
          reader.release();
          break;
        default: return 0;
      }
      FUZZ_CHECK(reader.text().size() <= mail::kMaxCommandLine + reader.held() + 4096);
    }
    FUZZ_CHECK(input.bytes().empty());
  }
  return 0;
}
