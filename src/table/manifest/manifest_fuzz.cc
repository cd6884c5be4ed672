#include <cstddef>
#include <cstdint>
#include <string_view>

#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn;
  using namespace firn::table;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(DecodeManifestList(bytes));
  static_cast<void>(ReadManifest(bytes, {.sequence_number = 1}, {}));
  const std::vector<schema::Field> partition = {{.id = 1000, .name = "day", .type = schema::Date()},
                                                {.id = 1001, .name = "price", .type = schema::Decimal(9, 2)}};
  static_cast<void>(ReadManifest(bytes, {.sequence_number = 1}, {.partition_fields = partition}));
  return 0;
}
