#pragma once

#include <string>

#include "query/duckdb_library.h"

/// Included by query/duckdb_*.cc alone.
namespace firn::query {

/// How a result column leaves DuckDB so that Arrow holds it exactly: every part that Arrow cannot hold becomes text.
struct ExactType {
  std::string sql;       // type to cast to
  bool changed = false;  // false: no cast is needed
};
ExactType MakeExactType(const DuckdbLibrary& duckdb, duckdb_logical_type type);

}  // namespace firn::query
