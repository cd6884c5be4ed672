#pragma once

#include <functional>
#include <vector>

#include "table/scan/file_reader.h"
#include "table/scan/value_range.h"

namespace firn::table {

/// What FileReadOptions::choose takes so that row groups are left out in which no row can satisfy all predicates,
/// judged by the statistics of their columns (Parquet format, "Statistics"). A row group is read if its statistics are
/// missing, not trusted by Arrow (old writers), or about another type than the column's, apart from promotions. Columns
/// are found by field id, so that renaming does not matter; in a file without ids, or without the column, all is read.
/// The result may be shared between threads.
std::function<bool(const RowGroup&)> ChooseRowGroups(std::vector<Predicate> predicates);

}  // namespace firn::table
