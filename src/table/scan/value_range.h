#pragma once

#include <cstdint>
#include <optional>

#include "table/metadata/literal.h"

namespace firn::table {

/// A simple condition on one column. Several are meant as AND.
struct Predicate {
  enum class Op { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIsNull, kIsNotNull };
  int32_t field_id = 0;
  Op op = Op::kEqual;
  Literal value;  // of the column's current type; unused for the null tests
};

/// What is known of a set of values of one column: a partition, a file, a row group. A bound that is NaN bounds
/// nothing.
struct ValueRange {
  std::optional<Literal> lower;
  std::optional<Literal> upper;
  bool may_have_null = true;
  bool may_have_value = true;  // other than null
  bool may_have_nan = true;
};

/// False only if no value of the range satisfies `op value`. NaN may count as larger than all (DuckDB) or satisfy
/// nothing (SQL of others), so a range with NaN is never excluded by its upper bound. -0.0 equals 0.0.
bool RangeMayMatch(const ValueRange& range, Predicate::Op op, const Literal& value);

bool IsFloating(const schema::Type& type);
/// True for a NaN; false for null.
bool IsNan(const Literal& value);

}  // namespace firn::table
