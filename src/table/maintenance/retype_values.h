#pragma once

#include <memory>
#include <string>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"

/// Values of a column, and of its sibling columns, as values of one type: exactly, or not at all. Pure.
namespace firn::table {

/// One of the columns that become one.
struct RetypedColumn {
  std::string name;
  schema::TypePtr type;
  bool json = false;  // JSON text
};

/// Why a value does not fit, and where. `value`: as text, for those who may see it.
struct RetypeMisfit {
  std::string column;
  int64_t row = 0;
  std::string why;
  std::string value;
};

/// Returns one array of `type`: of each row the value of the only column that has one there, null if none has.
/// A number becomes text as JSON writes it (10.0 of a double stays 10.0), text becomes a number, a time or a uuid if it
/// is one as JSON or ISO 8601 write it, a date a timestamp at its midnight. A long that a double would round, digits
/// that a decimal would cut, structs, lists and JSON text do not fit.
/// Errors: kContract, with *misfit set, at the first row that does not fit; of Arrow.
Result<std::shared_ptr<arrow::Array>> Retype(const std::vector<RetypedColumn>& columns,
                                             const std::vector<std::shared_ptr<arrow::Array>>& values,
                                             const schema::TypePtr& type, arrow::MemoryPool* pool,
                                             RetypeMisfit* misfit);

}  // namespace firn::table
