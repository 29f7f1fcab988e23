#include "connectors/local/file_failure.h"

#include <cerrno>
#include <system_error>

#include "mail/escape.h"
#include "mail/failure.h"

namespace mailstead::local {
namespace {

bool is_for_the_user(int error) noexcept {
  switch (error) {
    case EACCES:
    case EPERM:
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case EROFS:
    case ENAMETOOLONG: return true;
    default: return false;
  }
}

}  // namespace

void throw_file_failure(int error, const std::string& where, const char* what) {
  using mail::FailureKind;
  using mail::FailureScope;
  bool mendable = is_for_the_user(error);
  throw mail::Failure(mendable ? FailureKind::kConfiguration : FailureKind::kTemporary,
                      mendable ? FailureScope::kAccount : FailureScope::kSession,
                      mail::printable(where, 300) + ": cannot " + what + ": " + std::generic_category().message(error));
}

}  // namespace mailstead::local
