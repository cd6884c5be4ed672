#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "query/sql_rewrite.h"

/// Reads what json_serialize_sql writes (DuckDB 1.4 to 1.5). Used by sql_rewrite.cc alone.
namespace firn::query {

/// A BASE_TABLE node that is no CTE.
struct TreeTable {
  std::string catalog, schema, table, alias;
  size_t location = 0;  // byte offset of the name
  bool has_at = false;
  bool at_version = false;
  std::vector<Condition> conditions;
};

struct SyntaxError {
  std::string message;
  bool only_select = false;  // the statement parses, but is none that can be written as a tree
};

struct TreeResult {
  std::vector<TreeTable> tables;
  size_t num_statements = 0;
  bool show_tables = false;
  std::vector<SyntaxError> error;  // at most one
};

/// Errors: kBug if the text is not what DuckDB writes.
Result<TreeResult> ReadSyntaxTree(std::string_view json);

}  // namespace firn::query
