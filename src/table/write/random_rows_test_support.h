#pragma once

#include <arrow/record_batch.h>

#include <memory>
#include <random>

#include "schema/type.h"

namespace firn::table::testing {

/// A schema with every primitive type, as columns, in a struct (of a struct), a list and a map. Ids from 1.
schema::Schema EveryTypeSchema();

/// Random rows: nulls at every depth, extremes, NaN, both zeros, infinities, empty and long text, four-byte code
/// points, the highest code point.
std::shared_ptr<arrow::RecordBatch> RandomRows(const schema::Schema& schema, int64_t num_rows, std::mt19937_64& random);

}  // namespace firn::table::testing
