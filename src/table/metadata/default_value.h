#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "schema/type.h"
#include "table/metadata/literal.h"

/// Column defaults of Iceberg v3 (spec, "Default values"): `initial-default` is what rows of files without the column
/// have, `write-default` what new rows have that do not say. Both are JSON (spec, Appendix C "JSON single-value
/// serialization").
namespace firn::table {

/// Parses a default of a column of `type`; "null" and "" are null. Numbers are taken exactly: 1.5 is no long.
/// Errors: kBadData for text that is no value of the type, or for a nested type, which has no defaults here.
Result<Literal> ParseDefault(const schema::TypePtr& type, std::string_view json);

/// Writes a value as JSON: 12, "14.20" (decimal), "2017-11-16", "22:31:08.123456", "2017-11-16T22:31:08.123456+00:00",
/// hexadecimal text of fixed and binary. "null" for null.
std::string WriteDefault(const Literal& value);

/// Returns the JSON of a default as people write it: JSON, or the text itself where the type is written as text
/// (EUR, 2024-01-31, 12.50). Errors: kConfig, code E0931.
Result<std::string> DefaultFromText(const schema::TypePtr& type, std::string_view text);

/// True if a column at any depth has a default: a schema of format version 3.
bool HasDefaults(const schema::Schema& schema);

/// Checks that all defaults of the schema can be applied. Errors: kConfig naming the column: a default of a nested
/// column, of a field within a struct that new rows would need, or that is no value of its column.
Status CheckDefaults(const schema::Schema& schema);

}  // namespace firn::table
