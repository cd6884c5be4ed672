#pragma once

#include <compare>
#include <cstdint>

namespace firn::table::index {

/// A data file within one index. Given out ascending, never twice: a file removed and added again gets a new one.
struct FileOrdinal {
  uint32_t value = 0;
  friend auto operator<=>(FileOrdinal, FileOrdinal) = default;
};

/// One row: its file and its 0-based position in it (`_pos`), below 2^62.
struct RowAddress {
  FileOrdinal file;
  int64_t position = 0;
  friend auto operator<=>(const RowAddress&, const RowAddress&) = default;
};

}  // namespace firn::table::index
