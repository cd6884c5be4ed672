#include "query/temp_folder.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

namespace firn::query {

std::string NewTempFolder(const std::string& prefix) {
  static std::atomic<int> counter = 0;
  const char* root = std::getenv("TMPDIR");
  return std::string(root != nullptr && *root != '\0' ? root : "/tmp") + "/" + prefix + "-" + std::to_string(getpid()) +
         "-" + std::to_string(++counter);
}

}  // namespace firn::query
