#pragma once

#include <cstdint>

#include "base/status.h"
#include "table/metadata/metadata.h"

/// What firn must not write to, because it would write it wrongly. Pure.
namespace firn::table {

/// Checks that rows written by this build mean what they should in this table. `format_version`: that the table is to
/// have at least; 0: its own. Errors: kConfig, code E0822 if the table is newer than that, code E0823 for features of
/// other writers: format version 1, defaults of nested columns, variant columns,
/// encryption.
Status CheckWritable(const TableMetadata& metadata, int32_t format_version = 0);

}  // namespace firn::table
