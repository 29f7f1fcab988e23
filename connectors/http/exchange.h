// One request and its answer over an open connection: HTTP/1.1 (RFC 9110, 9112) as far as handing something over needs
// it.
//
// Nothing is followed, remembered or decompressed. Every read is bounded: kMaxHead octets of status line and fields,
// kMaxInterim interim answers; of the answer's content the first Request::kept octets are kept.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connectors/net/buffered_reader.h"
#include "connectors/net/stream.h"
#include "mail/failure.h"
#include "mail/limits.h"

namespace mailstead::http {

inline constexpr std::size_t kMaxHead = 64 * 1024;
inline constexpr std::size_t kMaxInterim = 16;
inline constexpr std::size_t kKept = 4096;
inline constexpr std::size_t kReadOver = 256 * 1024;  // content beyond it ends the connection

using Fields = std::vector<std::pair<std::string, std::string>>;
using Visit = std::function<void(std::string_view)>;

struct Request {
  std::string method = "POST";
  std::string target = "/";
  std::string authority;  // Host
  Fields fields;          // besides Host and Content-Length; names and values without line ends
  mail::ByteCount size = 0;
  std::function<void(const Visit&)> content;  // gives exactly `size` octets, in chunks
  std::size_t kept = kKept;                   // so much of the answer's content is wanted
  // At the last moment at which the server cannot have the whole request. May throw a Failure; may be empty.
  std::function<void()> before_end;
};

struct Response {
  int status = 0;
  std::string reason;   // as it came
  Fields fields;        // names lowered
  std::string content;  // at most Request::kept octets of it
  bool keeps_connection = false;

  [[nodiscard]] std::string field(std::string_view lowered_name) const;  // the first; "" none
};

// The request went out whole and its answer did not come: the server may have acted on it.
class AnswerLost : public mail::Failure {
 public:
  explicit AnswerLost(const mail::Failure& failure) : mail::Failure(failure) {}
};

// A server that answers while the request is still being sent is heard (its refusal is what matters). Throws Failure of
// the stream, of `before_end`, kProtocol/kSession for an answer that is no HTTP, AnswerLost.
[[nodiscard]] Response exchange(net::Stream& stream, net::BufferedReader& reader, const Request& request,
                                std::chrono::milliseconds idle_wait, const net::Deadline& deadline);

}  // namespace mailstead::http
