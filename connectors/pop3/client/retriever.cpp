#include "connectors/pop3/client/retriever.h"

#include <utility>

#include "connectors/pop3/client/cleanup.h"
#include "connectors/pop3/client/poll.h"

namespace mailstead::pop3 {
namespace {

class Pop3Retriever final : public retrieval::Retriever {
 public:
  Pop3Retriever(retrieval::AccountSettings settings, retrieval::Dialer dialer, const std::string& remembered)
      : settings_(std::move(settings)), dialer_(std::move(dialer)), memory_(ServerMemory::decode(remembered)) {
    memory_.belong_to(settings_.endpoint);
  }

  retrieval::PollResult poll(storage::Ledger& ledger, retrieval::MessageSink& sink, retrieval::PollObserver& observer,
                             const retrieval::PollOptions& options, mail::WallTime now, std::stop_token stop) override {
    return Poll({settings_, dialer_, memory_, ledger, sink, observer}, options, now, total(std::move(stop))).run();
  }

  std::vector<retrieval::FolderFacts> folders(std::stop_token stop) override {
    SignedIn session = look_in(std::move(stop));
    retrieval::FolderFacts inbox;
    inbox.name = "INBOX";
    inbox.selected_for_retrieval = true;
    inbox.messages = ask_totals(*session.connection).messages;
    leave(*session.connection);
    return {std::move(inbox)};
  }

  retrieval::ConnectionFacts probe(std::stop_token stop) override {
    SignedIn session = look_in(std::move(stop));
    retrieval::ConnectionFacts facts;
    facts.tls = session.connection->stream().tls();
    facts.greeting = session.greeting;
    facts.capabilities = session.capabilities.lines;
    facts.mechanism = session.mechanism;
    facts.folders = 1;
    facts.messages = ask_totals(*session.connection).messages;
    leave(*session.connection);
    return facts;
  }

  std::optional<retrieval::Waiting> start_waiting(std::stop_token) override { return std::nullopt; }
  retrieval::News woken(std::stop_token) override { return {}; }
  retrieval::News verify(std::stop_token) override { return {}; }
  std::chrono::seconds waiting_limit() const override { return std::chrono::minutes(29); }
  void disconnect() noexcept override {}  // nothing is kept open between two calls
  std::string remembered() const override { return memory_.encode(); }

 private:
  [[nodiscard]] net::Deadline total(std::stop_token stop) const {
    return net::Deadline::in(settings_.endpoint.timeouts.total, std::move(stop));
  }
  SignedIn look_in(std::stop_token stop) {
    SessionWish wish;
    wish.fresh = true;
    wish.now = mail::SystemClock().wall();
    return sign_in(settings_, dialer_, memory_, wish, total(std::move(stop)));
  }

  const retrieval::AccountSettings settings_;
  const retrieval::Dialer dialer_;
  ServerMemory memory_;
};

}  // namespace

std::unique_ptr<retrieval::Retriever> make_retriever(retrieval::AccountSettings settings, retrieval::Dialer dialer,
                                                     std::string remembered) {
  return std::make_unique<Pop3Retriever>(std::move(settings), std::move(dialer), remembered);
}

}  // namespace mailstead::pop3
