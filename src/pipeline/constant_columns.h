#pragma once

#include <arrow/type_fwd.h>

#include "base/status.h"
#include "source/source.h"

namespace firn::pipeline {

/// Returns the same rows with `rows.constants` and `rows.copies` written into each record (a column of that name in the
/// record loses), as a new page; `rows` itself if there are none. Errors: kBadData for a record that is no object.
Result<source::JsonRows> WithConstants(source::JsonRows rows, arrow::MemoryPool* pool);

}  // namespace firn::pipeline
