#include "mail/failure.h"

#include <utility>

namespace mailstead::mail {

Failure::Failure(FailureKind kind, FailureScope scope, std::string text, std::string detail)
    : kind_(kind), scope_(scope), text_(std::move(text)), detail_(std::move(detail)) {}

Failure Failure::come_again_in(std::chrono::seconds wait) const& {
  Failure copy = *this;
  copy.retry_after_ = wait;
  return copy;
}

std::string_view name_of(FailureKind kind) noexcept {
  switch (kind) {
    case FailureKind::kTemporary: return "temporary";
    case FailureKind::kPermanent: return "permanent";
    case FailureKind::kAuthentication: return "authentication";
    case FailureKind::kProtocol: return "protocol";
    case FailureKind::kLimit: return "limit";
    case FailureKind::kStorage: return "storage";
    case FailureKind::kConfiguration: return "configuration";
    case FailureKind::kCancelled: return "cancelled";
  }
  return "temporary";
}

std::string_view name_of(FailureScope scope) noexcept {
  switch (scope) {
    case FailureScope::kRecipient: return "recipient";
    case FailureScope::kMessage: return "message";
    case FailureScope::kFolder: return "folder";
    case FailureScope::kSession: return "session";
    case FailureScope::kAccount: return "account";
    case FailureScope::kProcess: return "process";
  }
  return "session";
}

}  // namespace mailstead::mail
