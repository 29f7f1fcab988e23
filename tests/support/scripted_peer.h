// A server that plays a transcript (tests/support/transcript.h) on a thread of its own and notes the first thing that
// its client does differently. Loopback only.
//
//   ScriptedPeer peer(R"(
//     S: +OK hello
//     C: QUIT
//     S: +OK
//   )");
//   auto stream = peer.connect();
//   …
//   EXPECT_EQ(peer.finish(), "");
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <thread>

#include "connectors/net/dial.h"
#include "connectors/net/server_session.h"
#include "connectors/net/stream.h"
#include "tests/support/test_certificates.h"
#include "tests/support/transcript.h"

namespace mailstead::testing {

struct PeerOptions {
  bool implicit_tls = false;          // each connection begins with the handshake
  Leaf certificate = Leaf::kGood;     // for TLS
  std::size_t chunk = 0;              // octets per write of the peer; 0: as many as there are
  std::chrono::seconds patience{10};  // with a client that should say something
};

class ScriptedPeer {
 public:
  // Throws std::invalid_argument for a transcript that is none.
  explicit ScriptedPeer(std::string_view transcript, PeerOptions options = {});
#ifdef MAILSTEAD_SOURCE_DIR
  [[nodiscard]] static std::unique_ptr<ScriptedPeer> from_file(const std::string& name, PeerOptions options = {}) {
    return std::make_unique<ScriptedPeer>(load_transcript(name), options);
  }
#endif
  ~ScriptedPeer();  // ends the peer wherever it is
  ScriptedPeer(const ScriptedPeer&) = delete;
  ScriptedPeer& operator=(const ScriptedPeer&) = delete;

  // The client's end of a new connection over TCP (each part between NEXT has its own); no TLS yet.
  [[nodiscard]] std::unique_ptr<net::Stream> connect();
  // For net::dial(): host "localhost", the peer's port, the test authority as ca_file; tls as the options say.
  [[nodiscard]] net::Endpoint endpoint() const;
  // What verifies the peer with the certificate kGood, with host "localhost".
  [[nodiscard]] net::TlsSettings tls_settings() const;
  [[nodiscard]] std::uint16_t port() const;

  // Waits until the transcript is done. "" or a description of the first mismatch, with the transcript's line.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Plays a transcript as the client of a ServerSession, without sockets: C lines are input, S lines the expected output.
class TranscriptRunner {
 public:
  enum class Feeding { kWhole, kLineByLine, kByteByByte };  // kWhole: consecutive C lines in one piece

  // "" or the first mismatch. `on_wake` runs before each WAKE (to bring new mail). Output that no S line expects is a
  // mismatch, as is an end of the transcript with the session still holding output.
  [[nodiscard]] static std::string run_server(net::ServerSession& session, std::string_view transcript,
                                              Feeding feeding = Feeding::kWhole,
                                              const std::function<void()>& on_wake = {});
  // A fresh session for each way of feeding; the first mismatch, with the way's name.
  [[nodiscard]] static std::string run_server_every_way(
      const std::function<std::unique_ptr<net::ServerSession>()>& make, std::string_view transcript,
      const std::function<void()>& on_wake = {});
};

}  // namespace mailstead::testing
