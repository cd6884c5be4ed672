#pragma once

#include <cstddef>
#include <string_view>

#include "base/status.h"

namespace firn::table {

/// Checks one portable 32-bit Roaring bitmap at the start of `bytes` (RoaringFormatSpec, "Standard 32-bit Roaring
/// Bitmap") completely, so that a library that trusts its input can read it: keys and arrays strictly ascending, counts
/// true, runs apart and inside of their container. Returns its length in bytes. Errors: kBadData, with the offset.
///
///   cookie 12347 | (containers - 1) << 16, run flags (1 bit per container)   or   cookie 12346, int32 containers
///   per container: uint16 key, uint16 cardinality - 1
///   per container: uint32 offset (absent with cookie 12347 and less than 4 containers)
///   per container: run: uint16 runs, runs * (uint16 first, uint16 length - 1); array (<= 4096): uint16 values;
///                  bitset: 8192 bytes. All little-endian.
Result<size_t> CheckedBitmapBytes(std::string_view bytes);

}  // namespace firn::table
