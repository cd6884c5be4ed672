#include <cstdint>
#include <string>

#include "connector/foreign/dlt.h"

/// Any bytes as a Python file, and as JSON or YAML: an error or a draft whose connector file is one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const char* path : {"config.py", "config.yaml"}) {
    const auto draft = firn::connector::foreign::DraftOfDlt(text, path, {});
    if (draft.ok() && !draft->tables.empty()) (void)firn::connector::foreign::ConnectorText(*draft);
  }
  return 0;
}
