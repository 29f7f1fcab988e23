#include "connectors/smtp/chat.h"

#include <utility>

namespace mailstead::smtp {

Chat::Chat(std::unique_ptr<net::Stream> stream, net::Deadline deadline)
    : stream_(std::move(stream)), reader_(*stream_), deadline_(std::move(deadline)) {}

Chat::~Chat() {
  stream_->close();
}

void Chat::send(std::string_view bytes, std::chrono::milliseconds wait) {
  stream_->write_all(bytes, deadline_.capped(wait));
}

WireReply Chat::read_reply(std::chrono::milliseconds wait) {
  auto deadline = deadline_.capped(wait);
  for (;;) {
    reader_.consume(decoder_.feed(reader_.buffered()));
    if (decoder_.complete()) break;
    reader_.fill(deadline);
  }
  ++replies_;
  return decoder_.take();
}

void Chat::start_tls(const net::TlsSettings& settings, const std::string& host, std::chrono::milliseconds wait) {
  reader_.require_empty();
  stream_->start_tls(settings, host, deadline_.capped(wait));
}

}  // namespace mailstead::smtp
