#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "table/delete/deletion_vector.h"

// Positions without the checksum around them, which would stop almost every input. What parses must write back to equal
// positions. Seeds: vectors of any deletion vector.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using firn::table::PositionSet;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  static_cast<void>(firn::table::DecodeDeletionVector(bytes));
  auto parsed = PositionSet::Parse(bytes);
  if (!parsed.ok()) return 0;
  const auto again = PositionSet::Parse(parsed->Serialize());
  if (!again.ok() || !(*again == *parsed) || again->cardinality() != parsed->cardinality()) std::abort();
  PositionSet all = *again;
  all.Union(*parsed);
  all.Add(7);
  if (!all.Contains(7) || all.cardinality() < parsed->cardinality()) std::abort();
  const auto decoded = firn::table::DecodeDeletionVector(firn::table::EncodeDeletionVector(all));
  if (!decoded.ok() || !(*decoded == all)) std::abort();
  return 0;
}
