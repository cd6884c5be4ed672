#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Finds what a query reads, by DuckDB's own syntax tree, and puts other names in its place. Pure text: knows no
/// catalog.
namespace firn::query {

/// A simple condition in the query on a column of one reference, from a chain of ANDs: rows that fail it cannot matter.
struct Condition {
  enum class Op { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual, kIsNull, kIsNotNull, kIn };
  enum class Kind { kNumber, kDouble, kText };
  std::string column;  // top-level name as written
  Op op = Op::kEqual;
  Kind kind = Kind::kNumber;           // kText: a string or a cast of one; kDouble: a number that is no exact decimal
  std::string value;                   // a number has digits, "-" and "."; a double what strtod reads
  std::vector<Condition> any_of = {};  // kIn: equalities, one of which holds
};

/// One place in a FROM clause that names a table.
struct TableReference {
  std::vector<std::string> name;        // parts as DuckDB read them: {"shop", "orders"}; empty for iceberg('…')
  std::optional<std::string> metadata;  // iceberg('<this>')
  enum class At { kNow, kVersion, kTimestamp };
  At at = At::kNow;
  std::string at_expression;  // SQL text
  std::vector<Condition> conditions;

  size_t name_begin = 0;  // bytes of ParsedQuery::text
  size_t name_end = 0;
  size_t at_begin = 0;  // the AT clause; equal to at_end if there is none
  size_t at_end = 0;
  std::string written;  // as the person wrote it, for messages
};

enum class QueryKind { kQuery, kShowTables };

struct ParsedQuery {
  QueryKind kind = QueryKind::kQuery;
  std::string prefix;                      // "EXPLAIN ANALYZE " …; kept apart from the text
  std::string text;                        // one statement without its last ";"
  std::vector<TableReference> references;  // in order of position
};

/// Returns the syntax tree of a statement as DuckDB's json_serialize_sql gives it.
using SyntaxTree = std::function<Result<std::string>(std::string_view sql)>;

/// Errors, all kConfig: E0702 not SELECT, WITH, FROM, VALUES, TABLE, UNPIVOT, DESCRIBE, SUMMARIZE, EXPLAIN or SHOW;
/// E0703 several statements or none; E0707 not understood.
Result<ParsedQuery> ParseQuery(std::string_view sql, const SyntaxTree& syntax_tree);

/// Returns the statement with each reference's name replaced (`names` in the order of the references, SQL text) and its
/// AT clause taken out.
std::string Splice(const ParsedQuery& query, const std::vector<std::string>& names);

}  // namespace firn::query
