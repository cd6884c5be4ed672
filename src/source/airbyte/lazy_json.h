#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

/// Parses a body as jinja::ParseJson does, but its objects stay text until somebody looks into them: most records go
/// from the answer to the table or to stdout as they came. The whole grammar is checked. The values share the body and
/// an index of it (4 bytes per bracket, comma, colon and scalar). `body`: of a response (zero bytes follow it).
/// Errors: kBadData, what is no JSON.
Result<Value> ParseLazily(std::shared_ptr<arrow::Buffer> body);

/// The object as one line without the members that are null; nullopt for a value that is no untouched object of
/// ParseLazily, or that has a key twice.
std::optional<std::string> TextWithoutNulls(const Value& value);

}  // namespace firn::source::airbyte
