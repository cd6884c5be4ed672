#pragma once

#include <arrow/record_batch.h>

#include <string>
#include <vector>

#include "pipeline/merge_rules.h"

namespace firn::pipeline {

/// Why a merge refused row `row` of `rows`: which column of its key is null, or has a value of another type, which is
/// in a sibling column then. `required`: the columns that must have a value.
std::string WhyKeyIsRefused(const arrow::RecordBatch& rows, int64_t row, const std::vector<RequiredColumn>& required);

}  // namespace firn::pipeline
