#pragma once

#include <memory>

#include "base/status.h"
#include "source/rest/page_stream.h"
#include "source/source.h"

namespace firn::source::rest {

/// Opens a split of a table without a parent: one chain of windows and pages. The context is shared and outlives the
/// reader through the pointer; `request` outlives the reader.
Result<std::unique_ptr<SplitReader>> OpenPagesReader(std::shared_ptr<TableContext> context, ReadRequest& request,
                                                     const Split& split);

/// Opens the split of a table with a parent: one chain of requests per parent row, up to the plan's concurrency at
/// once, handed out in the order of the parent rows. Takes `request.parents`.
Result<std::unique_ptr<SplitReader>> OpenChildReader(std::shared_ptr<TableContext> context, ReadRequest& request,
                                                     const Split& split);

/// Returns {"name": value} of a partitioned split, nullopt for others. Errors: E0443 if the split is not of this plan.
Result<std::optional<expression::Value>> PartitionOf(const connector::TablePlan& table, const Split& split);

}  // namespace firn::source::rest
