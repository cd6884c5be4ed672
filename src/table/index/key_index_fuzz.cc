#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "table/index/block.h"
#include "table/index/byte_codec.h"
#include "table/index/file_table.h"
#include "table/index/index_state.h"

namespace {

using namespace firn::table::index;  // NOLINT

// What passes the checksums by chance or malice: the payload as if it had been framed by us.
void DecodePayload(std::string_view payload);

}  // namespace

// Any bytes are a state, a file table and blocks, or an error; what is decoded encodes to what decodes to the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  DecodePayload(bytes);
  if (size < kBlockBytes) return 0;
  Block block;
  std::memcpy(block.bytes.data(), data, kBlockBytes);
  for (const uint64_t seed : {uint64_t{0}, block.Word(1), block.Word(2)}) {
    static_cast<void>(CheckHeader(block, seed, 128));
    const auto shape = ParseFooter(block, seed);
    if (shape.ok()) FIRN_CHECK(shape->num_blocks() >= 2);
  }
  FIRN_CHECK(LowerBound(block, kEntriesPerBlock, EntryAt(block, 7).hash()) <= kEntriesPerBlock);
  return 0;
}

namespace {

void DecodePayload(std::string_view payload) {
  static_cast<void>(DecodeState(payload));
  static_cast<void>(DecodeFiles(payload));
  const auto state = DecodeState(Frame("FIRNKIDX", 1, payload));
  if (state.ok()) {
    FIRN_CHECK(*DecodeState(EncodeState(*state)) == *state);
    static_cast<void>(FileTable::Make(*state, {}));
  }
  const auto files = DecodeFiles(Frame("FIRNKFIL", 1, payload));
  if (files.ok()) FIRN_CHECK(*DecodeFiles(EncodeFiles(*files)) == *files);
}

}  // namespace
