#include "source/line_batch.h"

#include <numeric>
#include <utility>

#include "format/json/page.h"

namespace firn::source {

Result<Batch> BatchOfLines(std::string_view lines, std::optional<Position> position, arrow::MemoryPool* pool) {
  JsonRows rows;
  ARROW_ASSIGN_OR_RAISE(rows.page,
                        format::json::Page::Parse(lines, {.layout = format::json::PageLayout::kLines, .pool = pool}));
  rows.rows.resize(rows.page->num_records());
  std::iota(rows.rows.begin(), rows.rows.end(), 0U);
  return Batch{
      .rows = std::move(rows), .position = std::move(position), .num_bytes = static_cast<int64_t>(lines.size())};
}

}  // namespace firn::source
