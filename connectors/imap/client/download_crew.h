// A first download by several connections: the poll's own, and helpers that sign in besides, open the same folder
// read-only and take shares of the messages (share_queue.h).
//
// Helpers only ever add: what one of them could not fetch, for whatever reason, is asked for again by the poll's own
// connection, whose word on it counts. So a helper that is refused, fails or finds another mailbox under the name costs
// nothing but its share of the speed. Their connections last as long as the crew, their threads no longer than a run().
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "connectors/imap/client/body_download.h"
#include "connectors/imap/client/folder.h"
#include "connectors/imap/client/session.h"
#include "connectors/imap/client/share_queue.h"
#include "connectors/imap/client/shared_sink.h"

namespace mailstead::imap {

inline constexpr std::size_t kMaxConnections = 3;  // of one download, the poll's own among them
inline constexpr std::size_t kWorthHelpers = 300;  // messages
inline constexpr mail::ByteCount kWorthHelpersBytes = 8 * 1024 * 1024;

// One more signed-in connection.
struct HelperLine {
  std::shared_ptr<void> keeps;  // what the session needs while it lives
  std::unique_ptr<Session> session;
};
// Called on a helper's thread. Throws Failure.
using ConnectHelper = std::function<HelperLine(const std::stop_token&)>;
// Called on the poll's thread: how a helper connects, or an empty function: no further connection may be opened.
using HireHelper = std::function<ConnectHelper()>;

class DownloadCrew {
 public:
  // `helpers`: at most so many. All references outlive the crew.
  DownloadCrew(Session& session, const Folder& folder, std::uint32_t uid_validity, HireHelper hire,
               std::size_t helpers);
  ~DownloadCrew();
  DownloadCrew(const DownloadCrew&) = delete;
  DownloadCrew& operator=(const DownloadCrew&) = delete;

  [[nodiscard]] static bool is_worth_it(const std::vector<Listed>& messages);

  // As BodyDownload::run(), with everybody's work in the result. Throws what the poll's own connection or the sink
  // threw; no thread is left then.
  [[nodiscard]] DownloadResult run(const std::vector<Listed>& messages, retrieval::MessageSink& sink,
                                   const storage::SourceRef& source, const DownloadOptions& options);

  // After a Failure, of the poll's own connection: as BodyDownload tells them.
  [[nodiscard]] std::optional<storage::Uid> under_way() const noexcept { return under_way_; }
  [[nodiscard]] bool pipelining() const noexcept { return pipelining_; }
  // Why helpers stopped helping, since the last call; printable.
  [[nodiscard]] std::vector<std::string> take_troubles();

 private:
  struct Helper;
  struct Work;
  void hire();
  void open(Helper& helper, const std::stop_token& stop);
  void help(Helper& helper, Work& work, const std::stop_token& stop);
  void do_share(Helper& helper, Work& work, std::vector<Listed> share);
  [[nodiscard]] DownloadResult lead(Work& work);
  void gather(DownloadResult& result, const DownloadOptions& options);

  Session& session_;
  const Folder& folder_;
  const std::uint32_t uid_validity_;
  HireHelper hire_;
  const std::size_t most_;
  std::vector<std::unique_ptr<Helper>> helpers_;
  std::vector<std::string> troubles_;
  std::optional<storage::Uid> under_way_;
  bool pipelining_ = false;
};

}  // namespace mailstead::imap
