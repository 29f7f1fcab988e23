// The bodies of listed messages: several UID FETCH … BODY.PEEK[] under way at once, bounded by bytes and by count, each
// literal going from the wire's buffer straight to the sink. Or of messages that nobody listed yet: a short range of
// UIDs whose flags and dates come with the bodies.
//
// The window begins small and doubles with each slice that came in, so that it soon covers what the line holds (its
// bandwidth times its round trip), whatever that is.
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

inline constexpr mail::ByteCount kFirstWindow = 1024 * 1024;

struct DownloadOptions {
  mail::ByteCount window_bytes = kFirstWindow;         // asked for and not yet received, at first
  mail::ByteCount max_window_bytes = 4 * 1024 * 1024;  // it grows up to here
  mail::ByteCount max_message_bytes = mail::kDefaultMaxMessageBytes;
  bool one_by_one = false;  // learnt: this server tells the UID after the body
  bool pipelined = true;    // false, learnt: one command at a time
  // Completes what a message without listing was announced with (labels), before the sink sees it.
  std::function<void(Listed&)> prepare;
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
  bool pipelined = true;             // false: it refused a command sent behind another
  mail::ByteCount window_bytes = 0;  // for the next download
  // Of run_direct(): what came, ascending; how many were announced, and whether all those were taken (or refused as too
  // large).
  std::vector<Listed> found;
  std::size_t announced = 0;
  bool all_taken = true;
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

  // The command for a range that was not listed; `items` by listing_items().
  [[nodiscard]] static CommandText direct_command(const storage::UidRange& range, const std::string& items);
  // Reads the answer to it. What the server announces later than the body, or without one, is left to a listing.
  [[nodiscard]] DownloadResult run_direct(Tag tag, const storage::UidRange& range);

  // After a Failure: the message that was coming in, or that was next to come.
  [[nodiscard]] std::optional<storage::Uid> under_way() const noexcept;
  // Whether several commands were under way.
  [[nodiscard]] bool pipelining() const noexcept { return slices_.size() > 1; }

 private:
  enum class Progress : std::uint8_t { kWaiting, kAsked, kDone, kRetry, kFailed };
  // What becomes of the literal that is being read.
  enum class Fate : std::uint8_t { kNone, kToSink, kDropped };
  struct Slice {
    Tag tag = 0;
    std::size_t begin = 0, end = 0;  // in *messages_
    bool pipelined = false;          // sent while another was under way
  };

  bool takes_literal(std::string_view line, mail::ByteCount size) override;
  void literal_octets(std::string_view octets) override;
  bool untagged(const Response& response) override;

  void begin_run(const std::vector<Listed>& messages);
  void top_up();
  [[nodiscard]] Slice send_slice(std::size_t begin, std::size_t limit);
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
  [[nodiscard]] std::optional<std::size_t> named_by(FetchItems& items);
  [[nodiscard]] std::optional<std::size_t> discover(FetchItems& items);
  void ask(std::size_t index);
  [[nodiscard]] retrieval::Incoming incoming(std::size_t index, mail::ByteCount size) const;

  Session& session_;
  retrieval::MessageSink& sink_;
  storage::SourceRef folder_;
  DownloadOptions options_;
  DownloadResult result_;

  const std::vector<Listed>* messages_ = nullptr;
  std::vector<Listed> discovered_;  // of run_direct()
  std::vector<Progress> progress_;
  std::vector<mail::ByteCount> expected_;  // size of each as estimated when it was asked for
  std::size_t next_ = 0;                   // first not asked for
  std::deque<Slice> slices_;
  std::deque<std::size_t> alone_;  // to be asked for one at a time
  std::deque<Slice> again_;        // refused behind another command: one at a time, once nothing is under way
  std::optional<storage::UidRange> direct_;
  mail::ByteCount window_ = kFirstWindow;
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
