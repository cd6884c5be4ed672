#include "io/object_error.h"

#include <arrow/util/io_util.h>

#include <array>
#include <cerrno>
#include <string>

#include "io/file_store.h"

namespace firn::io {
namespace {

/// What to look for in the text: arrow::fs keeps the kind of the SDK's error nowhere else.
struct Rule {
  std::string_view text;
  Fault fault;
  const char* next;
};
constexpr char kCredentials[] =
    "check lake.storage (access_key, secret_key, role_arn) or the provider's environment and profile";
constexpr char kPermissions[] = "give these credentials read, write, list and delete on the bucket and prefix";
constexpr char kReach[] = "check lake.storage.endpoint, network and region; then run again, nothing was lost";
constexpr auto kRules = std::to_array<Rule>({
    {"NO_SUCH_BUCKET", Fault::kConfig, "create the bucket, or correct lake.warehouse"},
    {"NoSuchBucket", Fault::kConfig, "create the bucket, or correct lake.warehouse"},
    {"The specified bucket does not exist", Fault::kConfig, "create the bucket, or correct lake.warehouse"},
    {"INVALID_ACCESS_KEY_ID", Fault::kAuth, kCredentials},
    {"InvalidAccessKeyId", Fault::kAuth, kCredentials},
    {"SIGNATURE_DOES_NOT_MATCH", Fault::kAuth, kCredentials},
    {"SignatureDoesNotMatch", Fault::kAuth, kCredentials},
    {"ExpiredToken", Fault::kAuth, kCredentials},
    {"InvalidToken", Fault::kAuth, kCredentials},
    {"RequestTimeTooSkewed", Fault::kAuth, "set the clock of this machine"},
    {"REQUEST_TIME_TOO_SKEWED", Fault::kAuth, "set the clock of this machine"},
    {"ACCESS_DENIED", Fault::kAuth, kPermissions},
    {"AccessDenied", Fault::kAuth, kPermissions},
    {"HTTP status 400", Fault::kConfig, "check lake.storage.endpoint and region"},
    {"HTTP status 401", Fault::kAuth, kCredentials},
    {"HTTP status 403", Fault::kAuth, kPermissions},
    {"HTTP status 301", Fault::kConfig, "set lake.storage.region to the region of the bucket"},
    {"PermanentRedirect", Fault::kConfig, "set lake.storage.region to the region of the bucket"},
    {"AuthenticationFailed", Fault::kAuth, kCredentials},
    {"AuthorizationFailure", Fault::kAuth, kPermissions},
});

}  // namespace

Status ObjectMissing(std::string_view what, std::string_view location) {
  return FileError(what, location, ENOENT);
}

Status ObjectError(std::string_view what, std::string_view location, const Status& error) {
  if (ContextOf(error) != nullptr) return error;
  if (arrow::internal::ErrnoFromStatus(error) == ENOENT) return ObjectMissing(what, location);
  const std::string message = std::string(what) + " " + std::string(location) + ": " + error.message();
  for (const Rule& rule : kRules) {
    if (error.message().find(rule.text) == std::string::npos) continue;
    return MakeError(rule.fault, message, {.next = rule.next});
  }
  if (error.IsCancelled()) return error;
  if (!error.IsIOError()) return MakeError(Fault::kConfig, message);
  return MakeError(Fault::kUnreachable, message, {.next = kReach});
}

}  // namespace firn::io
