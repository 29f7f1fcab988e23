// Proxies, honest and hostile: the server is reached, the proxy resolves the name, nothing of the server's is lost.

#include <gtest/gtest.h>

#include "connectors/net/dial.h"
#include "mail/failure.h"
#include "mail/transfer_encoding.h"
#include "tests/support/one_shot_server.h"

namespace mailstead::net {
namespace {

using namespace std::chrono_literals;
using namespace std::string_literals;
using mail::Failure;
using mail::FailureKind;
using testing::OneShotServer;
using testing::RawPeer;

using Kind = Proxy::Kind;

Endpoint through(Kind kind, std::uint16_t port, const std::string& user = "") {
  Endpoint endpoint;
  endpoint.host = "imap.invalid";  // nobody but the proxy could resolve it
  endpoint.port = 143;
  endpoint.tls = TlsMode::kNone;
  endpoint.proxy = Proxy{kind, "127.0.0.1", port, user, {}, ""};
  if (!user.empty()) endpoint.proxy->password = [] { return mail::Secret("open sesame"); };
  return endpoint;
}

std::string read_all(Stream& stream, std::size_t size) {
  std::string bytes(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const auto more = stream.read_some(std::span(bytes).subspan(got), Deadline::in(10s));
    if (more == 0) break;
    got += more;
  }
  bytes.resize(got);
  return bytes;
}

struct Refused {
  FailureKind kind = FailureKind::kCancelled;
  std::string text = "connected";
};
Refused refusal(const Endpoint& endpoint, const Deadline& deadline = Deadline::in(10s)) {
  try {
    (void)dial(endpoint, deadline);
    return {};
  } catch (const Failure& failure) {
    return {failure.kind(), failure.text()};
  }
}

const std::string kGranted = "\x05\0\0\x01\x7f\0\0\x01\x10\x10"s;
const std::string kRequest = "\x05\x01\0\x03\x0c"s + "imap.invalid" + "\0\x8f"s;

TEST(Socks5, TheProxyResolvesTheNameAndTheGreetingIsNotLost) {
  OneShotServer proxy([](RawPeer& peer) {
    EXPECT_EQ(peer.read(3), "\x05\x01\0"s);
    peer.write("\x05\0"s);
    EXPECT_EQ(peer.read(kRequest.size()), kRequest);
    peer.write(kGranted + "* OK hello\r\n");  // in one piece
    EXPECT_EQ(peer.read(3), "hi\n");
  });
  const auto stream = dial(through(Kind::kSocks5, proxy.port()), Deadline::in(10s));
  EXPECT_EQ(read_all(*stream, 12), "* OK hello\r\n");
  EXPECT_EQ(stream->peer(), "SOCKS5 proxy 127.0.0.1:" + std::to_string(proxy.port()) + " to imap.invalid:143");
  stream->write_all("hi\n", Deadline::in(10s));
  proxy.join();
}

TEST(Socks5, SignsInByPassword) {
  OneShotServer proxy([](RawPeer& peer) {
    EXPECT_EQ(peer.read(4), "\x05\x02\0\x02"s);
    peer.write("\x05\x02");
    EXPECT_EQ(peer.read(19), "\x01\x05"s + "alice" + "\x0b" + "open sesame");
    peer.write("\x01\0"s);
    EXPECT_EQ(peer.read(kRequest.size()), kRequest);
    peer.write(kGranted + "x");
  });
  const auto stream = dial(through(Kind::kSocks5, proxy.port(), "alice"), Deadline::in(10s));
  EXPECT_EQ(read_all(*stream, 1), "x");
}

TEST(Socks5, TakesAddressesOfEveryKindOctetByOctet) {
  for (const std::string& answer :
       {kGranted, "\x05\0\0\x04"s + std::string(18, '\1'), "\x05\0\0\x03\x04name\0\1"s, "\x05\0\0\x03\0\0\1"s}) {
    OneShotServer proxy([&](RawPeer& peer) {
      peer.read(3);
      for (char c : "\x05\0"s) peer.write({&c, 1});
      peer.read(kRequest.size());
      for (char c : answer) peer.write({&c, 1});
      peer.write("x");
      peer.wait_for_end();
    });
    auto stream = dial(through(Kind::kSocks5, proxy.port()), Deadline::in(10s));
    EXPECT_EQ(read_all(*stream, 1), "x");
    stream->close();
  }
}

TEST(Socks5, SendsAddressesAsAddresses) {
  for (const auto& [host, wire] :
       {std::pair("192.0.2.1"s, "\x01\xc0\0\x02\x01"s),
        std::pair("2001:db8::1"s, "\x04\x20\x01\x0d\xb8"s + std::string(11, '\0') + "\x01")}) {
    OneShotServer proxy([&, wire = wire](RawPeer& peer) {
      peer.read(3);
      peer.write("\x05\0"s);
      EXPECT_EQ(peer.read(5 + wire.size()), "\x05\x01\0"s + wire + "\0\x8f"s);
      peer.write(kGranted);
    });
    auto endpoint = through(Kind::kSocks5, proxy.port());
    endpoint.host = host;
    EXPECT_NE(dial(endpoint, Deadline::in(10s)), nullptr);
  }
}

struct Row {
  std::string name;
  std::function<void(RawPeer&)> serve;
  FailureKind kind;
  std::string says;
  std::string user;
};

void expect_refusals(Kind kind, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    OneShotServer proxy(row.serve);
    const Refused refused = refusal(through(kind, proxy.port(), row.user));
    EXPECT_EQ(refused.kind, row.kind) << row.name << ": " << refused.text;
    EXPECT_NE(refused.text.find(row.says), std::string::npos) << row.name << ": " << refused.text;
    EXPECT_NE(refused.text.find("proxy 127.0.0.1:"), std::string::npos) << row.name << ": " << refused.text;
    EXPECT_EQ(refused.text.find("sesame"), std::string::npos) << row.name;
  }
}

TEST(Socks5, SaysWhatTheProxyRefuses) {
  const auto method = [](const std::string& answer) {
    return [answer](RawPeer& peer) { peer.read(3), peer.write(answer), peer.wait_for_end(); };
  };
  const auto connected = [](const std::string& answer) {
    return [answer](RawPeer& peer) {
      peer.read(3), peer.write("\x05\0"s), peer.read(kRequest.size()), peer.write(answer);
    };
  };
  expect_refusals(
      Kind::kSocks5,
      {{"wants a password", method("\x05\xff"), FailureKind::kConfiguration, "wants \"user\" and \"password\"", ""},
       {"takes a method not offered", method("\x05\x02"), FailureKind::kConfiguration, "wants", ""},
       {"GSSAPI", method("\x05\x01"), FailureKind::kConfiguration, "wants", ""},
       {"SOCKS4", method("\0\x5b"s), FailureKind::kProtocol, "does not answer as a SOCKS5 proxy", ""},
       {"a mail server", method("* OK IMAP4rev1 ready\r\n"), FailureKind::kProtocol, "does not answer as", ""},
       {"closes at once", [](RawPeer&) {}, FailureKind::kTemporary, "", ""},
       {"closes after a half answer", method("\x05"), FailureKind::kTemporary, "", ""},
       {"no route", connected("\x05\x04\0\x01\0\0\0\0\0\0"s), FailureKind::kTemporary,
        "cannot connect to imap.invalid:143: host unreachable", ""},
       {"refused", connected("\x05\x05\0\x01\0\0\0\0\0\0"s), FailureKind::kTemporary, "connection refused", ""},
       {"an unknown code", connected("\x05\x7f\0\x01\0\0\0\0\0\0"s), FailureKind::kTemporary, "code 127", ""},
       {"a code that is negative as a char", connected("\x05\xff\0\x01\0\0\0\0\0\0"s), FailureKind::kTemporary,
        "code 255", ""},
       {"an unknown kind of address", connected("\x05\0\0\x02\0\0\0\0\0\0"s), FailureKind::kProtocol, "does not", ""},
       {"refuses the password",
        [](RawPeer& peer) {
          peer.read(4), peer.write("\x05\x02"), peer.read(19), peer.write("\x01\x01"), peer.wait_for_end();
        },
        FailureKind::kConfiguration, "refuses the user and password", "alice"}});
}

TEST(HttpProxy, ConnectsByNameAndTheGreetingIsNotLost) {
  for (const std::string& end : {"\r\n\r\n"s, "\n\n"s, "\r\nVia: 1.1 gate\r\nContent-Length: 5\r\n\r\n"s}) {
    OneShotServer proxy([&](RawPeer& peer) {
      EXPECT_EQ(peer.read_through("\r\n\r\n"), "CONNECT imap.invalid:143 HTTP/1.1\r\nHost: imap.invalid:143\r\n\r\n");
      peer.write("HTTP/1.1 200 Connection established" + end + "* OK hello\r\n");
      peer.wait_for_end();
    });
    auto stream = dial(through(Kind::kHttp, proxy.port()), Deadline::in(10s));
    EXPECT_EQ(read_all(*stream, 12), "* OK hello\r\n");
    stream->close();
  }
}

TEST(HttpProxy, TakesTheAnswerOctetByOctet) {
  OneShotServer proxy([&](RawPeer& peer) {
    peer.read_through("\r\n\r\n");
    for (char c : "HTTP/1.0 200 OK\r\nA: b\r\n\r\n+OK\r\n"s) peer.write({&c, 1});
    peer.wait_for_end();
  });
  auto stream = dial(through(Kind::kHttp, proxy.port()), Deadline::in(10s));
  EXPECT_EQ(read_all(*stream, 5), "+OK\r\n");
  stream->close();
}

TEST(HttpProxy, SignsInByBasic) {
  OneShotServer proxy([&](RawPeer& peer) {
    const std::string request = peer.read_through("\r\n\r\n");
    EXPECT_NE(request.find("\r\nProxy-Authorization: Basic " + mail::encode_base64("alice:open sesame") + "\r\n"),
              std::string::npos);
    peer.write("HTTP/1.1 200 OK\r\n\r\n");
  });
  EXPECT_NE(dial(through(Kind::kHttp, proxy.port(), "alice"), Deadline::in(10s)), nullptr);
}

TEST(HttpProxy, SaysWhatTheProxyRefuses) {
  const auto answers = [](const std::string& answer) {
    return [answer](RawPeer& peer) { peer.read_through("\r\n\r\n"), peer.write(answer), peer.wait_for_end(); };
  };
  expect_refusals(
      Kind::kHttp,
      {{"forbidden", answers("HTTP/1.1 403 Port not allowed\r\n\r\n"), FailureKind::kTemporary,
        "cannot connect to imap.invalid:143: 403 Port not allowed", ""},
       {"escapes its words", answers("HTTP/1.1 502 \x1b[2J\x07\r\n\r\n"), FailureKind::kTemporary, "502 \\x1B[2J", ""},
       {"wants a password", answers("HTTP/1.1 407 Auth\r\nProxy-Authenticate: Basic\r\n\r\n"),
        FailureKind::kConfiguration, "wants \"user\" and \"password\"", ""},
       {"refuses the password", answers("HTTP/1.1 407 Auth\r\n\r\n"), FailureKind::kConfiguration,
        "refuses the user and password", "alice"},
       {"a mail server", answers("* OK IMAP4rev1 ready\r\n"), FailureKind::kProtocol, "does not answer as", ""},
       {"HTTP/2", answers("HTTP/2 200\r\n\r\n"), FailureKind::kProtocol, "does not answer as", ""},
       {"no status", answers("HTTP/1.1 OK\r\n\r\n"), FailureKind::kProtocol, "does not answer as", ""},
       {"a head without end", answers("HTTP/1.1 200 OK\r\n" + std::string(40'000, 'x')), FailureKind::kProtocol,
        "does not end", ""},
       {"closes", [](RawPeer& peer) { peer.read_through("\r\n\r\n"); }, FailureKind::kTemporary, "closed", ""}});
}

TEST(Proxy, SilentAtAnyPointEndsAtTheDeadline) {
  struct Point {
    const char* name;
    Kind kind;
    std::string says;
  };
  for (const Point& point : {Point{"SOCKS5 greeting", Kind::kSocks5, ""}, Point{"SOCKS5 method", Kind::kSocks5, "\x05"},
                             Point{"SOCKS5 answer", Kind::kSocks5, "\x05\0"s},
                             Point{"SOCKS5 address", Kind::kSocks5, "\x05\0\x05\0\0\x03\x10"s},
                             Point{"HTTP", Kind::kHttp, ""}, Point{"HTTP head", Kind::kHttp, "HTTP/1.1 200 OK\r\n"}}) {
    OneShotServer proxy([&](RawPeer& peer) { peer.write(point.says), peer.wait_for_end(); });
    const auto begun = std::chrono::steady_clock::now();
    const Refused refused = refusal(through(point.kind, proxy.port()), Deadline::in(100ms));
    EXPECT_NE(refused.text.find("no answer in time"), std::string::npos) << point.name << ": " << refused.text;
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 1100ms) << point.name;
  }
}

TEST(Proxy, ANeighbourAsProxyMakesTheServerNoNeighbour) {
  OneShotServer proxy([](RawPeer& peer) { peer.read(3), peer.write("\x05\0"s + kGranted), peer.wait_for_end(); });
  auto endpoint = through(Kind::kSocks5, proxy.port());
  endpoint.host = "127.0.0.1";  // the proxy's loopback, not ours
  auto stream = dial(endpoint, Deadline::in(10s));
  EXPECT_FALSE(stream->peer().starts_with("127."));
  stream->close();
}

}  // namespace
}  // namespace mailstead::net
