// The bodies of listed messages: several UID FETCH … BODY.PEEK[] under way at once, bounded by bytes and by count, each
// literal going from the wire's buffer straight to the sink.
//
// A message is ended in the sink only after its whole response was read and named the UID that was asked for; at any
// failure the open one is aborted. A server that tells the UID only after the body is asked for one message at a time.
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "connectors/imap/client/fetch_items.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/client/uid_listing.h"
#include "connectors/retrieval.h"

namespace mailstead::imap {

struct DownloadOptions {
  mail::ByteCount window_bytes = 4 * 1024 * 1024;
  mail::ByteCount max_message_bytes = mail::kDefaultMaxMessageBytes;
  bool one_by_one = false;  // learnt: this server tells the UID after the body
  // Told at once of a message whose true size is above the limit.
  std::function<void(const retrieval::Incoming&)> too_large;
};

struct DownloadResult {
  std::uint64_t fetched = 0;
  mail::ByteCount bytes = 0;
  struct Missing {
    storage::Uid uid = 0;
    std::string reason;  // printable
  };
  std::vector<Missing> missing;  // listed, yet not delivered whole; try again
  bool one_by_one = false;
};

class BodyDownload final : private ResponseHandler {
 public:
  // `folder` fills the source of each message. All must outlive this.
  BodyDownload(Session& session, retrieval::MessageSink& sink, storage::SourceRef folder, DownloadOptions options);
  ~BodyDownload() override;
  BodyDownload(const BodyDownload&) = delete;
  BodyDownload& operator=(const BodyDownload&) = delete;

  // `messages`: ascending UIDs. On a Failure what was ended stays ended.
  [[nodiscard]] DownloadResult run(const std::vector<Listed>& messages);

 private:
  enum class Progress : std::uint8_t { kWaiting, kAsked, kDone, kRetry, kFailed };
  // What becomes of the literal that is being read.
  enum class Fate : std::uint8_t { kNone, kToSink, kDropped };
  struct Slice {
    Tag tag = 0;
    std::size_t begin = 0, end = 0;  // in *messages_
  };

  bool takes_literal(std::string_view line, mail::ByteCount size) override;
  void literal_octets(std::string_view octets) override;
  bool untagged(const Response& response) override;

  void top_up();
  [[nodiscard]] Slice send_slice(std::size_t begin);
  void slice_ended(const Completion& completion);
  void fetch_alone(std::size_t index);
  void open(std::size_t index, mail::ByteCount size);
  [[nodiscard]] bool close_open(const FetchItems& items);
  void end_open();
  void small_body(std::size_t index, const FetchItems& items);
  void give_up_open(const std::string& reason) noexcept;
  void settle(std::size_t index, Progress progress);
  void miss(std::size_t index, std::string reason);
  void refuse_too_large(std::size_t index, mail::ByteCount size);
  [[nodiscard]] std::optional<std::size_t> index_of(storage::Uid uid) const;
  void ask(std::size_t index);
  [[nodiscard]] retrieval::Incoming incoming(std::size_t index, mail::ByteCount size) const;

  Session& session_;
  retrieval::MessageSink& sink_;
  storage::SourceRef folder_;
  DownloadOptions options_;
  DownloadResult result_;

  const std::vector<Listed>* messages_ = nullptr;
  std::vector<Progress> progress_;
  std::vector<mail::ByteCount> expected_;  // size of each as estimated when it was asked for
  std::size_t next_ = 0;                   // first not asked for
  std::deque<Slice> slices_;
  std::deque<std::size_t> alone_;        // to be asked for one at a time
  std::optional<std::size_t> sole_;      // the only message under way
  mail::ByteCount outstanding_ = 0;      // asked for and not yet received, estimated
  mail::ByteCount average_ = 16 * 1024;  // where no size is known

  Fate fate_ = Fate::kNone;
  bool in_sink_ = false;
  std::optional<std::size_t> current_;  // whose literal was read in this response
  mail::ByteCount current_size_ = 0;
  std::string message_failure_;  // the sink refused this message
};

}  // namespace mailstead::imap
