#pragma once

#include <cstdint>
#include <optional>

#include "table/metadata/snapshot.h"

namespace firn::table {

/// Returns how many rows a snapshot has, by its summary (Iceberg spec, "Optional Snapshot Summary Fields"): the records
/// of its files without those that position deletes and deletion vectors name. nullopt if the summary does not say, or
/// if there are equality deletes, whose rows nobody has counted.
std::optional<int64_t> LiveRows(const Snapshot& snapshot);

}  // namespace firn::table
