#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "table/index/entry.h"

namespace firn::table::index {

/// Sorts by hash, of one hash the newest (highest `order`) first. In place.
void SortEntries(std::span<Entry> entries);

/// Makes a run of entries in order of arrival: sorted, one group a hash, `order` 0.
void MakeRun(std::vector<Entry>* entries);

}  // namespace firn::table::index
