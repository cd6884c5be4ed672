#pragma once

#include <memory>
#include <string>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/metadata/literal.h"

namespace firn::table {

/// Returns the literal as an Arrow scalar of schema::ToArrowType(type). Errors: of Arrow.
Result<std::shared_ptr<arrow::Scalar>> ScalarOf(const Literal& literal);

/// Returns the bytes of a value that is not null as an Arrow array holds them: native fixed-width values (one byte of a
/// boolean), else the text or bytes themselves.
std::string ArrowBytes(const Literal& literal);

}  // namespace firn::table
