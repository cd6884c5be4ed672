#pragma once

#include "connector/foreign/dlt.h"

namespace firn::connector::foreign {

/// A resource in its long form, with what `resource_defaults` says where it says nothing; `params` and `json` are
/// merged key by key, all else as a whole (dlt 1.31.0, config_setup.py, _merge_resource_endpoints). `defaults` may be
/// null. Errors: kConfig (WrittenError).
Result<WrittenValue> MergedDltResource(const WrittenValue* defaults, const WrittenValue& resource);

/// The table of a merged resource. `paginator`: the client's, or null. Errors: kConfig (WrittenError), the reason.
Result<Map> ReadDltResource(const WrittenValue& resource, const WrittenValue* paginator, DltSettings* settings);

}  // namespace firn::connector::foreign
