#include <cstddef>
#include <cstdint>
#include <string>

#include "base/status.h"
#include "config/yaml_format.h"

// Texts that are laid out: what comes out is laid out already.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto once = firn::config::FormatYaml(std::string(reinterpret_cast<const char*>(data), size));
  if (!once.ok()) return 0;
  const auto twice = firn::config::FormatYaml(*once);
  FIRN_CHECK(twice.ok() && *twice == *once);
  return 0;
}
