#include "source/source.h"

#include <algorithm>

namespace firn::source {

int64_t RowOrigin::LineOf(uint32_t row) const {
  if (rows.empty()) return lines[row];
  const auto at = std::lower_bound(rows.begin(), rows.end(), row);
  FIRN_CHECK(at != rows.end() && *at == row);
  return lines[static_cast<size_t>(at - rows.begin())];
}

}  // namespace firn::source
