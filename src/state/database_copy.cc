#include "state/database_copy.h"

#include <filesystem>

#include "state/database.h"

namespace firn::state {
namespace {
constexpr int64_t kBusyTimeoutMs = 10'000;
}  // namespace

Result<bool> CopyStateDatabase(const std::string& path, const std::string& target) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return false;
  ARROW_ASSIGN_OR_RAISE(const DatabaseHandle database, OpenStateDatabase(path, /*create=*/false, kBusyTimeoutMs));
  ARROW_ASSIGN_OR_RAISE(Statement copy, Statement::Prepare(database.get(), "VACUUM INTO ?1"));
  ARROW_RETURN_NOT_OK(copy.Bind(target).Run());
  return true;
}

}  // namespace firn::state
