#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"

/// Values by which rows are ordered, as 64 bits: integers and decimals of up to 18 digits as they are, times as
/// microseconds (a date is its midnight), floating point by its total order (-0.0 equals 0.0, NaN is the greatest).
namespace firn::table {

bool IsOrderable(const schema::Type& type);
/// True of date, timestamp and timestamptz, whose order is microseconds since 1970.
bool IsInstant(const schema::Type& type);

/// Returns the order of one value, nullopt if it is null. `values`: a column of an orderable type.
std::optional<int64_t> OrderOf(const arrow::Array& values, int64_t row);

/// Returns `values` with the orders that are given put in their places.
Result<std::shared_ptr<arrow::Array>> WithOrders(const arrow::Array& values,
                                                 std::span<const std::optional<int64_t>> orders,
                                                 arrow::MemoryPool* pool);

/// Returns the top-level field of that id. Errors: kBug if there is none.
Result<const schema::Field*> TopLevelField(const schema::Schema& schema, int32_t field_id);

}  // namespace firn::table
