// Feeds any text to the readers of positions: what is read is written so that it is read back as the same.
#include "source/files/file_position.h"

#include <cstdlib>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::source::files;  // NOLINT
  const firn::source::Position position{.json = std::string(reinterpret_cast<const char*>(data), size)};
  if (const auto read = ParseFilePosition(position); read.ok()) {
    const auto again = ParseFilePosition(ToPosition(*read));
    if (!again.ok() || *again != *read) std::abort();
  }
  if (const auto gone = ParseGone(position); gone.ok()) {
    const auto again = ParseGone(ToPosition(*gone));
    if (!again.ok() || again->size() != gone->size()) std::abort();
  }
  return 0;
}
