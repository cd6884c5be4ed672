#include "table/write/record_log.h"

namespace firn::table {

Status ShardTooLarge(int64_t needed_bytes, int64_t allowed_bytes, int64_t num_records) {
  return MakeError(Fault::kConfig,
                   "the keys of this load need more memory than they may have: " + std::to_string(needed_bytes) +
                       " > " + std::to_string(allowed_bytes) + " bytes, " + std::to_string(num_records) + " keys",
                   {.state = "nothing was committed", .next = "raise --memory, or load in smaller parts"});
}

Hash128 HashOfOrdinal(uint64_t ordinal, uint64_t total) {
  __extension__ using Wide = unsigned __int128;
  return {.high = static_cast<uint64_t>((static_cast<Wide>(ordinal) << 64) / total), .low = ordinal};
}

}  // namespace firn::table
