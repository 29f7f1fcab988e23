#include "connectors/net/tls_sessions.h"

#include <ctime>
#include <deque>
#include <map>
#include <memory>
#include <mutex>

namespace mailstead::net {
namespace {

struct FreeSession {
  void operator()(SSL_SESSION* session) const noexcept { SSL_SESSION_free(session); }
};
using SessionPointer = std::unique_ptr<SSL_SESSION, FreeSession>;

// Of one context. Thread-safe.
class SessionCache {
 public:
  void add(const std::string& key, SessionPointer session) {
    std::lock_guard lock(mutex_);
    if (sessions_.size() >= kMaxSessionKeys && !sessions_.contains(key)) sessions_.clear();
    auto& kept = sessions_[key];
    kept.push_back(std::move(session));
    if (kept.size() > kMaxSessionsPerKey) kept.pop_front();
  }

  SessionPointer take(const std::string& key) {
    std::lock_guard lock(mutex_);
    auto found = sessions_.find(key);
    if (found == sessions_.end()) return nullptr;
    auto& kept = found->second;
    while (!kept.empty()) {
      SessionPointer newest = std::move(kept.back());
      kept.pop_back();
      if (!is_good(newest.get())) continue;
      if (SSL_SESSION_get_protocol_version(newest.get()) < TLS1_3_VERSION) {
        SSL_SESSION_up_ref(newest.get());
        kept.emplace_back(newest.get());
      }
      return newest;
    }
    sessions_.erase(found);
    return nullptr;
  }

 private:
  static bool is_good(const SSL_SESSION* session) {
    const auto age = std::chrono::seconds(std::time(nullptr) - SSL_SESSION_get_time(session));
    const auto limit =
        std::min<std::chrono::seconds>(kSessionLifetime, std::chrono::seconds(SSL_SESSION_get_timeout(session)));
    X509* peer = SSL_SESSION_get0_peer(const_cast<SSL_SESSION*>(session));
    return age.count() >= 0 && age < limit && SSL_SESSION_is_resumable(session) == 1 && peer != nullptr &&
           X509_cmp_current_time(X509_get0_notAfter(peer)) > 0;
  }

  std::mutex mutex_;
  std::map<std::string, std::deque<SessionPointer>> sessions_;
};

void free_cache(void* /*parent*/, void* cache, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
                void* /*pointer*/) {
  delete static_cast<SessionCache*>(cache);
}
void free_key(void* /*parent*/, void* key, CRYPTO_EX_DATA* /*data*/, int /*index*/, long /*number*/,
              void* /*pointer*/) {
  delete static_cast<std::string*>(key);
}

int cache_index() {
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_cache);
  return index;
}
int key_index() {
  static const int index = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, free_key);
  return index;
}

SessionCache* cache_of(SSL* ssl) {
  return static_cast<SessionCache*>(SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), cache_index()));
}

// 1: the session is ours now. Called from within reads, too: tickets of TLS 1.3 come after the handshake.
int on_new_session(SSL* ssl, SSL_SESSION* session) {
  auto* cache = cache_of(ssl);
  const auto* key = static_cast<const std::string*>(SSL_get_ex_data(ssl, key_index()));
  if (cache == nullptr || key == nullptr || SSL_get_verify_result(ssl) != X509_V_OK) return 0;
  try {
    cache->add(*key, SessionPointer(session));
    return 1;
  } catch (...) {
    return 1;  // no memory: it was freed with its pointer
  }
}

}  // namespace

void keep_sessions(SSL_CTX* context) {
  auto cache = std::make_unique<SessionCache>();
  if (SSL_CTX_set_ex_data(context, cache_index(), cache.get()) != 1) return;  // no sessions then
  (void)cache.release();
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context, on_new_session);
}

void use_sessions(SSL* ssl, const std::string& key) {
  auto* cache = cache_of(ssl);
  if (cache == nullptr) return;
  auto owned = std::make_unique<std::string>(key);
  if (SSL_set_ex_data(ssl, key_index(), owned.get()) != 1) return;
  (void)owned.release();
  if (const SessionPointer session = cache->take(key)) SSL_set_session(ssl, session.get());
}

}  // namespace mailstead::net
