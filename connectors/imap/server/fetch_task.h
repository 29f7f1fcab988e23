// Answers a FETCH message by message: text is composed, bodies are read from their content in slices straight into the
// output. Facts (structure) come from the store in batches; \Seen is set for a batch before its bodies go out.
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

namespace mailstead::imap {

class FetchTask final : public Task {
 public:
  FetchTask(Conversation& session, bool by_uid, std::vector<std::uint32_t> positions, std::vector<FetchItem> items);
  [[nodiscard]] Step run(std::string& output) override;
  [[nodiscard]] bool mid_response() const noexcept override { return !pieces_.empty(); }

 private:
  // Of the response in hand: text first, then a range of the content.
  struct Piece {
    std::string text{};
    ByteRange range{};
    // To be decoded on the way: `take` octets of what comes of it, behind `skip`.
    std::optional<mail::TransferEncoding> encoding{};
    mail::ByteCount skip = 0, take = 0;
  };

  void prepare_batch();
  void mark_seen(std::size_t end);
  [[nodiscard]] bool compose(std::size_t index);
  void compose_item(const FetchItem& item, std::size_t position, std::string& text);
  void compose_section(const FetchItem& item, std::string& text);
  void compose_binary(const FetchItem& item, std::string& text);
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
  std::optional<DecodedRange> decoded_;  // of the first piece
  bool by_uid_;
  bool some_gone_ = false, some_unreadable_ = false, unknown_encoding_ = false;
};

}  // namespace mailstead::imap
