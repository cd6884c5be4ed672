#pragma once

#include "base/status.h"
#include "connector/plan.h"
#include "source/registry.h"

namespace firn::source::rest {

/// Returns the position (incremental.h) of a table whose rows somebody else has read up to `start`. Rows that `start`
/// names are known at the next read, by key, however the source writes it. Errors: kConfig E0952 without a cursor, or
/// for a value that is none; for rows, if the table does not append by key.
Result<Position> StartPosition(const connector::TablePlan& table, const StartPoint& start);

}  // namespace firn::source::rest
