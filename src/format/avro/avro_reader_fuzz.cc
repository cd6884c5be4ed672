#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/avro/container_reader.h"
#include "format/avro/encoder.h"

// Any bytes give records or an error; records can be encoded by the schema they came with.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace firn::format::avro;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto reader = ContainerReader::Open(bytes, {.block_bytes_max = 1 << 20});
  if (!reader.ok()) return 0;
  for (int i = 0; i < 1000; ++i) {
    const auto value = (*reader)->Next();
    if (!value.ok() || !value->has_value()) break;
    std::string out;
    FIRN_CHECK(EncodeValue(*(*reader)->schema(), **value, out).ok());
  }
  return 0;
}
