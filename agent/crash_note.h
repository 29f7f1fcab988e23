// What the process had in hand when it crashed, written by the dying process into the data directory, and read at the
// next start: a message that brings the agent down again and again is set aside, the others go on.
//
// A kill -9, an out-of-memory kill or a power cut says nothing of a message and leaves no note.
#pragma once

#include <string>

#include "agent/log.h"
#include "mail/clock.h"
#include "storage/store.h"

namespace mailstead::agent {

// What InHand is told.
[[nodiscard]] std::string crash_note_of(const storage::SourceRef& source);
[[nodiscard]] std::string crash_note_of(const storage::QueuedDelivery& delivery);

// This thread works at it as long as the object lives. `note` outlives it. Nests; one thread.
class InHand {
 public:
  explicit InHand(const std::string& note) noexcept;
  ~InHand();
  InHand(const InHand&) = delete;
  InHand& operator=(const InHand&) = delete;

 private:
  const std::string* before_;
  std::size_t place_;
};

// From now on a crash (SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT) leaves a note of what its thread has in hand; one sent
// by another process, such as a watchdog's SIGABRT, of what all threads have. The process ends as it would without.
void leave_crash_notes(const std::string& data_dir);

// Takes the notes of earlier crashes into account and removes them: a message that was being taken in counts as a
// failed retrieval (from the third on it is stepped over and tried daily), a delivery is tried later, and held from the
// third crash on. Each is logged. Before anything is taken in hand. Throws Failure(kStorage).
void heed_crash_notes(storage::Store& store, const std::string& data_dir, const mail::Clock& clock, Log& log);

}  // namespace mailstead::agent
