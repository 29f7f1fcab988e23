// Answers a FETCH message by message: text is composed, bodies are read from their content in slices straight into the
// output. Facts (structure) come from the store in batches; \Seen is set for a batch before its bodies go out.
// Composing pauses when much had to be read for it.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/imap/server/body_section.h"
#include "connectors/imap/server/conversation.h"
#include "connectors/imap/server/decoded_range.h"
#include "connectors/imap/server/fetch_item.h"
#include "mail/failure.h"

namespace mailstead::imap {

class FetchTask final : public Task {
 public:
  FetchTask(Conversation& session, bool by_uid, std::vector<std::uint32_t> positions, std::vector<FetchItem> items);
  [[nodiscard]] Step run(std::string& output) override;
  [[nodiscard]] bool mid_response() const noexcept override { return !composing_ && !pieces_.empty(); }

 private:
  // Of the response in hand: text first, then a range of the content.
  struct Piece {
    std::string text{};
    ByteRange range{};
    // To be decoded on the way: `take` octets of what comes of it, behind `skip`.
    std::optional<mail::TransferEncoding> encoding{};
    mail::ByteCount skip = 0, take = 0;
  };

  // What is promised of a decoded part before it goes out.
  struct Count {
    DecodedRange decoded;
    mail::ByteCount size = 0;
    bool has_nul = false;
  };

  void prepare_batch();
  void mark_seen(std::size_t end);
  void begin(std::size_t position);
  // These are false when they are to be called again to go on.
  [[nodiscard]] bool compose();
  [[nodiscard]] bool compose_items(std::size_t position);
  [[nodiscard]] bool compose_item(const FetchItem& item, std::size_t position);
  [[nodiscard]] bool compose_binary(const FetchItem& item);
  [[nodiscard]] bool count(const ByteRange& range, mail::TransferEncoding encoding);
  void compose_section(const FetchItem& item);
  void note_failure(const mail::Failure& failure, std::size_t position);
  void drop_message();
  void push_piece(Piece piece);
  [[nodiscard]] bool pump(std::string& output);
  void pump_decoded(Piece& piece, std::string& output);
  [[nodiscard]] const mail::Part& structure();

  Conversation& session_;
  std::vector<std::uint32_t> positions_;
  std::vector<FetchItem> items_;
  bool needs_structure_ = false, needs_content_ = false, sets_seen_ = false, says_flags_ = false, says_modseq_ = false;
  std::size_t next_ = 0;      // of positions_
  std::size_t prepared_ = 0;  // up to here the batch reaches
  std::size_t batch_begin_ = 0;
  std::vector<std::optional<storage::StoredMessage>> stored_;  // of the batch
  std::vector<bool> newly_seen_;                               // of the batch

  // The message in hand.
  std::shared_ptr<const mail::Content> content_;
  const storage::StoredMessage* facts_ = nullptr;
  std::optional<mail::Part> structure_;
  std::deque<Piece> pieces_;
  bool composing_ = false;
  std::size_t item_ = 0;           // to be composed next
  std::string text_;               // composed, not in a piece yet
  std::size_t inline_octets_ = 0;  // of text in the pieces
  std::optional<Count> counting_;
  mail::ByteCount spent_ = 0;            // octets read for composing in this slice
  std::optional<DecodedRange> decoded_;  // of the first piece
  bool by_uid_;
  bool some_gone_ = false, some_unreadable_ = false, some_too_long_ = false, unknown_encoding_ = false;
};

}  // namespace mailstead::imap
