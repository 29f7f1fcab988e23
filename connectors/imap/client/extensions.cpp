#include "connectors/imap/client/extensions.h"

#include <algorithm>

#include "connectors/imap/client/sign_in.h"

namespace mailstead::imap {
namespace {

bool is_written_alike(const std::string& name) {
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= ' ' && c <= '~' && c != '&'; });
}

void enable(Session& session, const retrieval::AccountSettings& settings) {
  const Capabilities& offered = session.capabilities();
  if (!offered.has("UTF8=ACCEPT") && !offered.has("UTF8=ONLY")) return;
  const CommandText command("ENABLE UTF8=ACCEPT");
  bool alike = is_written_alike(settings.move_to) &&
               std::all_of(settings.folders.begin(), settings.folders.end(), is_written_alike);
  if (alike) return session.send_unwatched(command);
  (void)session.run(command);  // refused: names stay as they were
}

bool wants_compression(Session& session, const retrieval::AccountSettings& settings, const AccountMemory& memory) {
  if (settings.compress == retrieval::Compression::kNever) return false;
  if (!session.capabilities().has("COMPRESS=DEFLATE") || memory.compress_refused) return false;
  return settings.compress == retrieval::Compression::kAlways || !peer_is_local(session, settings.endpoint);
}

}  // namespace

void begin_extensions(Session& session, const retrieval::AccountSettings& settings, AccountMemory& memory) {
  enable(session, settings);
  if (!wants_compression(session, settings, memory)) return;
  session.compress_at_turn([&memory](const Completion& end) { memory.compress_refused = !end.ok(); });
}

}  // namespace mailstead::imap
