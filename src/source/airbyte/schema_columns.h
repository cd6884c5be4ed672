#pragma once

#include <vector>

#include "source/airbyte/values.h"
#include "source/source.h"

namespace firn::source::airbyte {

/// The columns of a stream's JSON schema whose type is one primitive, those of objects by their path. A property
/// with a dot in its name, a list, and what may have several types are left out: only rows tell what they are.
/// Types are those of Airbyte's destinations (docs.airbyte.com, "Supported data types"): `number` is a double,
/// `date-time` a timestamptz, or a timestamp by `airbyte_type`; times of day are text.
std::vector<DeclaredColumn> ColumnsOfSchema(const Value& schema);

}  // namespace firn::source::airbyte
