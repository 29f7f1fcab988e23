#include "connectors/imap/server/arguments.h"
#include "connectors/imap/server/base_subject.h"
#include "connectors/imap/server/commands/commands.h"
#include "connectors/imap/server/envelope_scan.h"
#include "connectors/imap/server/search_scan.h"
#include "connectors/imap/server/threading.h"
#include "mail/header.h"
#include "mail/message_ids.h"

#include <algorithm>
#include <optional>

namespace mailstead::imap::commands {
namespace {

using Algorithm = Threads (*)(const std::vector<ThreadRow>&);

// RFC 5256 §3: References, or when there are none the first id of In-Reply-To.
std::vector<std::string> references_of(const mail::Envelope& envelope) {
  std::vector<std::string> ids;
  for (std::string_view rest = envelope.references; !rest.empty();) {
    std::size_t blank = std::min(rest.find(' '), rest.size());
    ids.emplace_back(rest.substr(0, blank));
    rest.remove_prefix(std::min(blank + 1, rest.size()));
  }
  if (ids.empty()) {
    ids = mail::message_ids(envelope.in_reply_to);
    if (ids.size() > 1) ids.resize(1);
  }
  return ids;
}

class ThreadTask final : public Task {
 public:
  ThreadTask(Conversation& session, bool by_uid, Algorithm algorithm, SearchKey root)
      : session_(session), by_uid_(by_uid), algorithm_(algorithm), scan_(session, std::move(root)) {}

  Step run(std::string& output) override {
    if (!envelopes_) {
      if (scan_.advance()) envelopes_.emplace(session_, scan_.found(), row_maker());
      return Step::kMore;
    }
    if (!threads_) {
      if (envelopes_->advance()) {
        if (envelopes_->too_much()) return done(Answer::Kind::kNo, "[LIMIT] Too many messages to thread at once.");
        threads_ = algorithm_(rows_);
      }
      return Step::kMore;
    }
    return say(output);
  }

  [[nodiscard]] bool mid_response() const noexcept override { return begun_; }

 private:
  EnvelopeScan::Visit row_maker() {
    return [this](std::uint32_t position, const mail::Envelope& envelope) {
      BaseSubject subject = base_subject(envelope.subject);
      auto ids = mail::message_ids(envelope.message_id);
      rows_.push_back({position, sent_date(envelope, session_.view().entry(position)), collation_key(subject.text),
                       subject.is_reply, ids.empty() ? std::string() : std::move(ids.front()),
                       references_of(envelope)});
      return octets_of(rows_.back());
    };
  }

  Step say(std::string& output) {
    if (!begun_) output += "* THREAD";
    auto number_of = [this](std::uint32_t row) {
      std::uint32_t position = rows_[row].number;
      return by_uid_ ? session_.view().entry(position).uid : position + 1;
    };
    for (; said_ < threads_->roots.size(); ++said_) {
      if (!begun_) output += ' ';
      begun_ = true;
      if (output.size() > net::kOutputHighWater) return Step::kMore;
      append_thread(output, *threads_, threads_->roots[said_], number_of);
    }
    output += "\r\n";
    begun_ = false;
    return done(Answer::Kind::kOk, "Thread completed.");
  }

  Conversation& session_;
  bool by_uid_;
  Algorithm algorithm_;
  SearchScan scan_;
  std::optional<EnvelopeScan> envelopes_;
  std::vector<ThreadRow> rows_;
  std::optional<Threads> threads_;
  bool begun_ = false;
  std::size_t said_ = 0;
};

}  // namespace

// RFC 5256 §3.
Outcome thread(Conversation& session, Request& request) {
  Cursor& arguments = request.arguments;
  arguments.expect_space();
  std::string name(arguments.expect_atom());
  Algorithm algorithm = mail::iequals(name, "REFERENCES")       ? thread_by_references
                        : mail::iequals(name, "ORDEREDSUBJECT") ? thread_by_subject
                                                                : nullptr;
  if (algorithm == nullptr) reject("unknown threading algorithm");
  arguments.expect_space();
  auto root = read_charset_and_keys(arguments);
  if (!root) return no("[BADCHARSET (US-ASCII UTF-8)] Unknown charset.");
  if (opens_too_often(*root)) return too_costly_search();
  if (asks_modseq(*root)) session.use_modseq(request.output);
  return std::make_unique<ThreadTask>(session, request.by_uid, algorithm, std::move(*root));
}

}  // namespace mailstead::imap::commands
