#pragma once

#include <string>
#include <string_view>

#include "state/run_record.h"

namespace firn::state {

/// The part of a table's record that has no columns of its own in state.db, as one JSON object. Unknown keys are
/// ignored and missing ones keep their defaults, so that fields can be added without a new layout.
std::string WriteTableRecord(const TableRecord& record);
/// Text that is no object gives an empty record: the history is no reason to fail.
TableRecord ParseTableRecord(std::string_view json);

}  // namespace firn::state
