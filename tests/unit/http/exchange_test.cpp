#include "connectors/http/exchange.h"

#include <gmock/gmock.h>

#include "connectors/http/url.h"
#include "connectors/net/dial.h"
#include "mail/failure.h"
#include "tests/support/one_shot_server.h"

namespace mailstead::http {
namespace {

using mail::Failure;
using mail::FailureKind;
using namespace std::chrono_literals;
using mailstead::testing::OneShotServer;
using mailstead::testing::RawPeer;

std::unique_ptr<net::Stream> connected(const OneShotServer& server, const net::Deadline& deadline) {
  net::Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = server.port();
  endpoint.tls = net::TlsMode::kNone;
  return net::dial(endpoint, deadline);
}

// The answer to a POST of ten octets by a server that says `bytes` and closes.
Response answer_of(const std::string& bytes) {
  std::string seen;
  OneShotServer server([&](RawPeer& peer) {
    seen = peer.read_through("\r\n\r\n");
    seen += peer.read(10);
    peer.write(bytes);
  });
  const auto deadline = net::Deadline::in(20s);
  const auto stream = connected(server, deadline);
  net::BufferedReader reader(*stream);
  Request request;
  request.authority = "example.org";
  request.fields = {{"X-One", "1"}};
  request.size = 10;
  request.content = [](const Visit& visit) {
    visit("01234");
    visit("56789");
  };
  Response response = exchange(*stream, reader, request, 10s, deadline);
  server.join();
  EXPECT_EQ(seen, "POST / HTTP/1.1\r\nHost: example.org\r\nContent-Length: 10\r\nX-One: 1\r\n\r\n0123456789");
  return response;
}

TEST(HttpExchange, ReadsAnswersOfEveryFraming) {
  struct Row {
    std::string bytes;
    int status;
    std::string content;
    bool keeps;
  };
  for (const Row& row : {
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc", 200, "abc", true},
           Row{"HTTP/1.1 200 OK\nContent-Length: 3\n\nabc", 200, "abc", true},
           Row{"HTTP/1.1 200\r\ncontent-length:3 \r\n\r\nabc", 200, "abc", true},
           Row{"HTTP/1.1 204 None\r\n\r\n", 204, "", true},
           Row{"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", 200, "", false},
           Row{"HTTP/1.0 200 OK\r\n\r\nto the end", 200, "to the end", false},
           Row{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: "
               "0\r\n\r\n",
               201, "", true},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nTrailer: "
               "1\r\n\r\n",
               200, "abcde", true},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 200, "", false},
           // The status has decided: a content that is cut short or malformed changes nothing.
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc", 200, "abc", false},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200, "", false},
           Row{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n", 200, "a", false},
           Row{"HTTP/1.1 503 Busy\r\nContent-Length: 9\r\n\r\nlat", 503, "lat", false},
           Row{"HTTP/1.1 200 OK\r\nNo colon\r\n folded\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + std::string(kKept, 'x'), 200,
               std::string(kKept, 'x'), false},
           Row{"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n" + std::string(9000, 'y'), 200, std::string(kKept, 'y'),
               true},
       }) {
    const auto response = answer_of(row.bytes);
    EXPECT_EQ(response.status, row.status) << row.bytes;
    EXPECT_EQ(response.content, row.content) << row.bytes;
    EXPECT_EQ(response.keeps_connection, row.keeps) << row.bytes;
  }
}

TEST(HttpExchange, WhatIsNoAnswerIsALostOne) {
  for (const std::string& bytes :
       {std::string(), std::string("HTTP/1.1 2"), std::string("220 mail ESMTP\r\n"),
        std::string("HTTP/1.1 2x0 OK\r\n\r\n"), std::string("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n")}) {
    EXPECT_THROW((void)answer_of(bytes), AnswerLost) << bytes;
  }
  std::string endless = "HTTP/1.1 200 OK\r\n";
  while (endless.size() < 2 * kMaxHead) endless += "X-More: " + std::string(1000, 'x') + "\r\n";
  EXPECT_THROW((void)answer_of(endless), AnswerLost);
  std::string interim;
  for (std::size_t i = 0; i < 2 * kMaxInterim; ++i) interim += "HTTP/1.1 100 Continue\r\n\r\n";
  EXPECT_THROW((void)answer_of(interim), AnswerLost);
}

TEST(HttpExchange, HoldsTheLastOctetBackUntilTheSenderAgrees) {
  std::string seen;
  OneShotServer server([&](RawPeer& peer) {
    seen = peer.read_through("\r\n\r\n");
    seen = peer.read(10);
  });
  const auto deadline = net::Deadline::in(20s);
  auto stream = connected(server, deadline);
  net::BufferedReader reader(*stream);
  Request request;
  request.size = 10;
  request.content = [](const Visit& visit) { visit("0123456789"); };
  request.before_end = [] { throw Failure(FailureKind::kStorage, mail::FailureScope::kProcess, "no"); };
  try {
    (void)exchange(*stream, reader, request, 10s, deadline);
    FAIL();
  } catch (const AnswerLost&) {
    FAIL() << "nothing was committed";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.kind(), FailureKind::kStorage);
  }
  stream.reset();
  server.join();
  EXPECT_EQ(seen, "012345678");
}

TEST(HttpExchange, HearsARefusalThatComesBeforeTheEnd) {
  OneShotServer server([&](RawPeer& peer) {
    peer.read_through("\r\n\r\n");
    peer.write("HTTP/1.1 413 Too large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    ::shutdown(peer.descriptor(), SHUT_WR);
    peer.read(1000);
  });
  const auto deadline = net::Deadline::in(20s);
  const auto stream = connected(server, deadline);
  net::BufferedReader reader(*stream);
  Request request;
  const std::string chunk(65536, 'x');
  request.size = 1000 * chunk.size();
  request.content = [&](const Visit& visit) {
    for (int i = 0; i < 1000; ++i) visit(chunk);
  };
  try {
    EXPECT_EQ(exchange(*stream, reader, request, 10s, deadline).status, 413);
  } catch (const AnswerLost&) {
    FAIL() << "nothing was committed";
  } catch (const Failure& failure) {
    // The reset may have come over the answer: then it is a break before the end.
    EXPECT_EQ(failure.kind(), FailureKind::kTemporary);
  }
}

TEST(HttpUrl, IsTakenApart) {
  struct Row {
    std::string text, host, target, authority;
    std::uint16_t port;
    bool tls;
  };
  for (const Row& row : {Row{"https://example.org", "example.org", "/", "example.org", 443, true},
                         Row{"HTTP://example.org:8080/a?b=c", "example.org", "/a?b=c", "example.org:8080", 8080, false},
                         Row{"https://example.org?x", "example.org", "/?x", "example.org", 443, true},
                         Row{"http://[::1]:80/x", "::1", "/x", "[::1]", 80, false}}) {
    Url url;
    std::string why;
    ASSERT_TRUE(parse_url(row.text, url, why)) << row.text << why;
    EXPECT_EQ(url.host, row.host);
    EXPECT_EQ(url.target, row.target);
    EXPECT_EQ(url.authority(), row.authority);
    EXPECT_EQ(url.port, row.port);
    EXPECT_EQ(url.tls, row.tls);
  }
  for (const std::string& text :
       {std::string("example.org"), std::string("ftp://example.org/"), std::string("https://"),
        std::string("https:///x"), std::string("https://u:p@example.org/"), std::string("https://example.org/#x"),
        std::string("https://a b/"), std::string("https://example.org:0/"), std::string("https://example.org:99999/"),
        std::string("https://[::1/"), std::string("https://[x]/"),
        std::string("https://b\xc3\xbc"
                    "cher.example/"),
        "https://" + std::string(3000, 'x')}) {
    Url url;
    std::string why;
    EXPECT_FALSE(parse_url(text, url, why)) << text;
    EXPECT_FALSE(why.empty()) << text;
  }
}

}  // namespace
}  // namespace mailstead::http
