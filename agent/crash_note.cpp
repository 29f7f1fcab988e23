#include "agent/crash_note.h"

#include "agent/trouble.h"
#include "mail/escape.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace mailstead::agent {

namespace {

constexpr std::array<int, 5> kCrashes{SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT};
constexpr std::size_t kPlaces = 256;         // threads whose work a signal from outside can tell
constexpr std::size_t kMaxNote = 16 * 1024;  // longer ones are not of ours
constexpr std::size_t kMaxNotes = 1000;
constexpr std::chrono::minutes kRestAfterCrash{1};  // of a delivery: the others go first
constexpr std::size_t kNoPlace = kPlaces;
constexpr std::size_t kSignalStack = 64 * 1024;

// All that the handler may look at: nothing here is made or freed while it runs.
std::array<char, PATH_MAX> notes_file{};
std::array<std::atomic<const std::string*>, kPlaces> in_hand_anywhere{};
constinit thread_local const std::string* in_hand = nullptr;
// Of a thread: a stack that has overflowed cannot run a handler. Untouched pages cost nothing.
alignas(16) constinit thread_local std::array<char, kSignalStack> signal_stack{};
constinit thread_local bool has_signal_stack = false;

// One that somebody else has made for this thread stays.
void make_signal_stack() {
  stack_t stack{};
  if (::sigaltstack(nullptr, &stack) != 0 || (stack.ss_flags & SS_DISABLE) == 0) return;
  stack = {};
  stack.ss_sp = signal_stack.data();
  stack.ss_size = signal_stack.size();
  ::sigaltstack(&stack, nullptr);
}

// Async-signal-safe, as on_crash().
void write_note(int file, int number, const std::string& note) {
  std::array<char, 4> digits{static_cast<char>('0' + number / 10), static_cast<char>('0' + number % 10), ' ', '\0'};
  char end = '\n';
  const std::array<iovec, 3> parts{
      {{digits.data(), 3}, {const_cast<char*>(note.data()), note.size()}, {&end, 1}}};  // NOLINT: iovec is not const
  [[maybe_unused]] const auto written = ::writev(file, parts.data(), parts.size());
}

void on_crash(int number, siginfo_t* info, void*) {
  const bool from_outside = info->si_code == SI_USER && info->si_pid != ::getpid();
  if (const int file = ::open(notes_file.data(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600); file >= 0) {
    if (from_outside) {
      for (const auto& place : in_hand_anywhere)
        if (const auto* note = place.load()) write_note(file, number, *note);
    } else if (in_hand != nullptr) {
      write_note(file, number, *in_hand);
    }
    ::close(file);
  }
  ::signal(number, SIG_DFL);
  ::raise(number);  // comes when the handler has returned
}

std::filesystem::path notes_in(const std::string& data_dir) {
  return std::filesystem::path(data_dir) / "crashes";
}

// Where it was: "11 {...}".
struct Note {
  std::string signal;
  nlohmann::json what;
};

std::optional<Note> read_note(const std::string& line) {
  const auto blank = line.find(' ');
  if (blank == std::string::npos || line.size() > kMaxNote) return std::nullopt;
  Note note{line.substr(0, blank), nlohmann::json::parse(line.substr(blank + 1), nullptr, false)};
  if (!note.what.is_object()) return std::nullopt;
  return note;
}

std::string signal_name(const std::string& number) {
  const char* name = ::sigabbrev_np(std::atoi(number.c_str()));
  return name == nullptr ? "signal " + mail::printable(number, 4) : std::string("SIG") + name;
}

void heed_retrieval(storage::Store& store, const Note& note, const mail::Clock& clock, Log& log) {
  const auto& what = note.what;
  const storage::SourceRef source{what.at("account").get<std::string>(), what.at("folder").get<std::string>(),
                                  what.at("validity").get<std::uint32_t>(), what.at("uid").get<storage::Uid>(),
                                  what.at("uidl").get<std::string>()};
  const std::string why = "the agent crashed (" + signal_name(note.signal) + ") while it took the message in";
  const unsigned crashes = store.ledger().note_trouble(source, clock.wall(), why);
  const std::string place = source.uidl.empty() ? fmt::format("folder {}, UID {}", source.folder, source.uid)
                                                : fmt::format("UIDL {}", source.uidl);
  log.error(
      mail::printable(fmt::format("account {}, {}: {}{}", source.account, place, why,
                                  crashes >= storage::kPoisonAttempts ? ": stepped over, tried again daily" : "")));
}

void heed_delivery(storage::Store& store, const Note& note, const mail::Clock& clock, Log& log) {
  const auto id = note.what.at("delivery").get<storage::DeliveryId>();
  const std::string why = "the agent crashed (" + signal_name(note.signal) + ") while it delivered the message";
  const auto after = store.queue().note_crash(id, clock.wall(), clock.wall() + kRestAfterCrash, why);
  if (!after) return;  // it had its end all the same
  log.error(fmt::format("delivery {} to {}: {}{}", id, after->destination, why,
                        after->held ? fmt::format(": held until: mailstead queue release {}", id) : ""));
}

}  // namespace

std::string crash_note_of(const storage::SourceRef& source) {
  return nlohmann::json{{"account", source.account},
                        {"folder", source.folder},
                        {"validity", source.uid_validity},
                        {"uid", source.uid},
                        {"uidl", source.uidl}}
      .dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

std::string crash_note_of(const storage::QueuedDelivery& delivery) {
  return nlohmann::json{{"delivery", delivery.id}}.dump();
}

InHand::InHand(const std::string& note) noexcept : before_(std::exchange(in_hand, &note)), place_(kNoPlace) {
  if (!std::exchange(has_signal_stack, true)) make_signal_stack();
  if (before_ != nullptr) return;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const std::string* empty = nullptr;
    if (in_hand_anywhere[i].load(std::memory_order_relaxed) != nullptr) continue;
    if (!in_hand_anywhere[i].compare_exchange_strong(empty, &note)) continue;
    place_ = i;
    break;
  }
}

InHand::~InHand() {
  if (place_ != kNoPlace) in_hand_anywhere[place_].store(nullptr);
  in_hand = before_;
}

void leave_crash_notes(const std::string& data_dir) {
  const std::string path = notes_in(data_dir).string();
  if (path.size() >= notes_file.size()) return;
  std::memcpy(notes_file.data(), path.c_str(), path.size() + 1);
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigemptyset(&action.sa_mask);
  for (const int number : kCrashes) ::sigaction(number, &action, nullptr);
}

void heed_crash_notes(storage::Store& store, const std::string& data_dir, const mail::Clock& clock, Log& log) {
  const auto path = notes_in(data_dir);
  std::ifstream file(path);
  if (!file) return;
  std::string line;
  for (std::size_t count = 0; count < kMaxNotes && std::getline(file, line); ++count) {
    const auto note = read_note(line);
    if (!note) continue;
    try {
      note->what.contains("delivery") ? heed_delivery(store, *note, clock, log)
                                      : heed_retrieval(store, *note, clock, log);
    } catch (const mail::Failure& failure) {
      if (stops_everything(failure)) throw;
      log.warning("a note of a crash is left out: " + failure.text());
    } catch (const nlohmann::json::exception&) {
      log.warning("a note of a crash cannot be read: " + mail::printable(line, 200));
    }
  }
  std::error_code ignored;
  std::filesystem::remove(path, ignored);
}

}  // namespace mailstead::agent
