#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/status.h"
#include "connector/plan.h"
#include "format/json/page.h"
#include "source/rest/cursor_value.h"
#include "source/source.h"

namespace firn::source::rest {

/// The cursors of a page by record, nullopt where a record has none; those of `misfits` (ascending) are left out.
struct PageCursors {
  std::vector<std::optional<CursorValue>> cursors;
  std::vector<UndecidedRow> misfits;
};

/// Tells single rows whose cursor is of another kind from a cursor that was chosen wrong. Of one read, used by one
/// thread.
class CursorKinds {
 public:
  /// `capture`: of the cursor in the page. `largest`: cursor before this page, the saved one at first. Values of
  /// another kind are misfits among times and numbers. Errors: kBadData E0437 for values that cannot be read among
  /// texts, which have no order that one could be outside of.
  Result<PageCursors> Read(const format::json::Page& page, size_t capture, const std::optional<CursorValue>& largest,
                           const connector::IncrementalPlan& plan);
  /// `misfits`: of the page, without rows that earlier reads gave. Errors: kBadData E0437 if they are not fewer than
  /// the cursors that fit, those of earlier pages counted.
  Status Judge(const std::vector<UndecidedRow>& misfits);

 private:
  int64_t num_fits_ = 0;
  int64_t num_misfits_ = 0;
};

}  // namespace firn::source::rest
