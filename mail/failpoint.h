// Named places at which a test lets the process die, as a power cut would: MAILSTEAD_FAULT=stage:n raises SIGKILL at
// the n-th pass of MAILSTEAD_FAILPOINT("stage"), stage:n:11 another signal, as a crash would. Compiled in with
// MAILSTEAD_FAULTS only; nothing at all otherwise.
#pragma once

#ifdef MAILSTEAD_FAULTS

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace mailstead::mail {

// The environment is read at the first pass.
inline void pass_failpoint(std::string_view stage) {
  struct Wanted {
    std::string_view stage;
    std::atomic<long> passes_left{0};
    int signal = SIGKILL;
    Wanted() {
      const char* text = std::getenv("MAILSTEAD_FAULT");
      if (text == nullptr) return;
      std::string_view whole(text);
      auto colon = whole.find(':');
      stage = whole.substr(0, colon);
      if (colon == std::string_view::npos) {
        passes_left = 1;
        return;
      }
      char* end = nullptr;
      passes_left = std::strtol(text + colon + 1, &end, 10);
      if (*end == ':') signal = std::atoi(end + 1);
    }
  };
  static Wanted wanted;
  if (!wanted.stage.empty() && wanted.stage == stage && wanted.passes_left.fetch_sub(1) == 1) std::raise(wanted.signal);
}

}  // namespace mailstead::mail

#define MAILSTEAD_FAILPOINT(stage) ::mailstead::mail::pass_failpoint(stage)

#else

#define MAILSTEAD_FAILPOINT(stage) static_cast<void>(0)

#endif
