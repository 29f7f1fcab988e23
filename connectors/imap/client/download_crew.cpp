#include "connectors/imap/client/download_crew.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <iterator>
#include <thread>
#include <utility>

#include "connectors/imap/client/select.h"
#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::imap {

using mail::Failure;
using mail::FailureKind;
using mail::FailureScope;
using storage::Uid;

namespace {

constexpr std::chrono::seconds kGoodbye{2};

}  // namespace

// Its fields are its thread's while a run() is under way, the poll's thread's otherwise.
struct DownloadCrew::Helper {
  ConnectHelper connect;
  HelperLine line;
  bool of_use = true;
  std::string trouble;
  bool other_mailbox = false;  // it took something, and then the name meant another mailbox
  // Of this run.
  std::uint64_t fetched = 0;
  mail::ByteCount bytes = 0, window_bytes = 0;
  std::vector<retrieval::Incoming> too_large;
};

struct DownloadCrew::Work {
  ShareQueue queue;
  SharedSink sink;
  const storage::SourceRef& source;
  const DownloadOptions& options;
};

DownloadCrew::DownloadCrew(Session& session, const Folder& folder, std::uint32_t uid_validity, HireHelper hire,
                           std::size_t helpers)
    : session_(session), folder_(folder), uid_validity_(uid_validity), hire_(std::move(hire)), most_(helpers) {}

DownloadCrew::~DownloadCrew() {
  for (auto& helper : helpers_) {
    if (!helper->line.session) continue;
    Session& session = *helper->line.session;
    try {
      session.restart_clock({});  // the stop of its last run() is not for this
      session.patience().idle = kGoodbye;
      session.say_goodbye();
    } catch (const std::exception&) {  // it has gone already
    }
    session.stream().close();
  }
}

bool DownloadCrew::is_worth_it(const std::vector<Listed>& messages) {
  mail::ByteCount bytes = 0;
  for (const Listed& message : messages) bytes += message.size.value_or(0);
  return messages.size() >= kWorthHelpers || (messages.size() > 1 && bytes >= kWorthHelpersBytes);
}

// Once: one that failed is not replaced.
void DownloadCrew::hire() {
  if (!hire_) return;
  const HireHelper hire = std::exchange(hire_, {});
  try {
    for (std::size_t i = 0; i < most_; ++i) {
      ConnectHelper connect = hire();
      if (!connect) break;
      helpers_.push_back(std::make_unique<Helper>());
      helpers_.back()->connect = std::move(connect);
    }
  } catch (const Failure& failure) {  // the source of the password gave none this time: the first connection has it
    troubles_.push_back(failure.text());
  }
}

DownloadResult DownloadCrew::run(const std::vector<Listed>& messages, retrieval::MessageSink& sink,
                                 const storage::SourceRef& source, const DownloadOptions& options) {
  hire();
  under_way_.reset();
  pipelining_ = false;
  Work work{ShareQueue(messages, helpers_.size() + 1), SharedSink(sink), source, options};
  DownloadResult result;
  {
    std::stop_source over;
    std::stop_callback stopped(session_.patience().stop, [&over] { over.request_stop(); });
    std::vector<std::jthread> threads;
    struct EndThem {  // before the threads are joined, however this ends
      std::stop_source& over;
      ShareQueue& queue;
      ~EndThem() {
        queue.close();
        over.request_stop();
      }
    };
    EndThem end{over, work.queue};
    for (auto& helper : helpers_) {
      if (!helper->of_use) continue;
      threads.emplace_back([this, &work, &helper, stop = over.get_token()] { help(*helper, work, stop); });
    }
    result = lead(work);
  }
  work.sink.rethrow_failure();
  gather(result, options);
  return result;
}

// The poll's own connection.
DownloadResult DownloadCrew::lead(Work& work) {
  SharedSink::Part part(work.sink);
  DownloadResult all;
  DownloadOptions options = work.options;
  all.one_by_one = options.one_by_one;
  all.pipelined = options.pipelined;
  all.window_bytes = options.window_bytes;
  for (auto share = work.queue.take(); !share.empty(); share = work.queue.take()) {
    work.sink.rethrow_failure();
    BodyDownload download(session_, part, work.source, options);
    try {
      DownloadResult got = download.run(share);
      all.fetched += got.fetched;
      all.bytes += got.bytes;
      std::move(got.missing.begin(), got.missing.end(), std::back_inserter(all.missing));
      all.one_by_one = options.one_by_one = got.one_by_one;
      all.pipelined = options.pipelined = got.pipelined;
      all.window_bytes = options.window_bytes = got.window_bytes;
    } catch (...) {
      under_way_ = download.under_way();
      pipelining_ = download.pipelining();
      throw;
    }
  }
  return all;
}

void DownloadCrew::gather(DownloadResult& result, const DownloadOptions& options) {
  for (auto& helper : helpers_) {
    if (helper->other_mailbox) {
      throw Failure(
          FailureKind::kTemporary, FailureScope::kFolder,
          "folder \"" + mail::printable(folder_.name, 200) + "\": its UIDVALIDITY changed during the session");
    }
    result.fetched += std::exchange(helper->fetched, 0);
    result.bytes += std::exchange(helper->bytes, 0);
    for (const retrieval::Incoming& message : std::exchange(helper->too_large, {})) {
      if (options.too_large) options.too_large(message);
    }
  }
}

std::vector<std::string> DownloadCrew::take_troubles() {
  std::vector<std::string> troubles = std::exchange(troubles_, {});
  for (auto& helper : helpers_) {
    if (!helper->trouble.empty()) troubles.push_back(std::exchange(helper->trouble, {}));
  }
  return troubles;
}

// On a thread of its own.
void DownloadCrew::help(Helper& helper, Work& work, const std::stop_token& stop) {
  try {
    open(helper, stop);
    for (auto share = work.queue.take_for_helper(); !share.empty(); share = work.queue.take_for_helper()) {
      do_share(helper, work, std::move(share));
    }
    return;
  } catch (const Failure& failure) {
    // Not needed any more: the next run() may need it again.
    const bool called_off = failure.kind() == FailureKind::kCancelled;
    helper.of_use = called_off;
    if (!called_off) helper.trouble = failure.text();
  } catch (const std::exception& error) {
    helper.of_use = false;
    helper.trouble = mail::printable(error.what(), 200);
  }
  if (helper.line.session) helper.line.session->stream().close();
  helper.line.session.reset();
}

void DownloadCrew::open(Helper& helper, const std::stop_token& stop) {
  if (helper.line.session) return helper.line.session->restart_clock(stop);
  helper.line = helper.connect(stop);
  Session& session = *helper.line.session;
  // Whatever the sign-in began is settled by its answer: the capabilities, and how names are written.
  (void)session.run(CommandText("NOOP"));
  const bool alike = session.utf8_names() == session_.utf8_names();
  const std::string wire = alike ? folder_.wire : wire_name(folder_.name, session.utf8_names());
  finish_select(session, begin_select(session, wire, true), folder_.name);
  if (session.mailbox().uid_validity != uid_validity_) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder, "another UIDVALIDITY than on the first connection");
  }
}

// Whatever becomes of it, the share is given back.
void DownloadCrew::do_share(Helper& helper, Work& work, std::vector<Listed> share) {
  SharedSink::Part part(work.sink);
  DownloadOptions options = work.options;
  options.prepare = {};
  if (helper.window_bytes != 0) options.window_bytes = helper.window_bytes;
  std::vector<Uid> settled;
  std::optional<Uid> doubtful;  // in which the connection broke
  options.too_large = [&](const retrieval::Incoming& message) {
    settled.push_back(message.source.uid);
    helper.too_large.push_back(message);
  };
  auto hand_over = [&] {
    helper.fetched += part.ended().size();
    helper.bytes += part.ended_bytes();
    settled.insert(settled.end(), part.ended().begin(), part.ended().end());
    if (!settled.empty() && helper.line.session->mailbox().uid_validity != uid_validity_) helper.other_mailbox = true;
    std::sort(settled.begin(), settled.end());
    std::vector<Listed> rest, last;
    for (Listed& message : share) {
      if (std::binary_search(settled.begin(), settled.end(), message.uid)) continue;
      (message.uid == doubtful ? last : rest).push_back(std::move(message));
    }
    work.queue.give_back(std::move(rest), std::move(last));
  };
  std::optional<BodyDownload> download(std::in_place, *helper.line.session, part, work.source, options);
  try {
    helper.window_bytes = download->run(share).window_bytes;
  } catch (...) {
    doubtful = download->under_way();
    download.reset();  // before the first connection may ask for the open message
    hand_over();
    throw;
  }
  hand_over();
  if (helper.line.session->mailbox().uid_validity != uid_validity_) {
    throw Failure(FailureKind::kTemporary, FailureScope::kFolder, "its UIDVALIDITY changed");
  }
}

}  // namespace mailstead::imap
