#include <cstddef>
#include <cstdint>
#include <string_view>

#include "table/metadata/metadata_json.h"
#include "table/metadata/requirement.h"
#include "table/metadata/update.h"

// Whatever parses must be writable and parse again to the same text.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::table;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto metadata = ParseMetadata(bytes); metadata.ok() && metadata->format_version > 1) {
    const auto json = WriteMetadata(*metadata);
    if (json.ok()) FIRN_CHECK(*WriteMetadata(*ParseMetadata(*json)) == *json);
  }
  if (const auto update = ParseUpdate(bytes); update.ok()) FIRN_CHECK(ParseUpdate(WriteUpdate(*update)).ok());
  if (const auto requirement = ParseRequirement(bytes); requirement.ok()) {
    FIRN_CHECK(ParseRequirement(WriteRequirement(*requirement)).ok());
  }
  return 0;
}
