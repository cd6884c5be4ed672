#include "query/duckdb_error.h"

#include <string>

namespace firn::query {
namespace {

bool Has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// The message without the excerpt of the statement, which shows our rewriting of it.
std::string Cause(std::string_view message) {
  const size_t excerpt = message.find("\n\nLINE ");
  std::string cause(message.substr(0, excerpt));
  while (!cause.empty() && cause.back() == '\n') cause.pop_back();
  return cause;
}

Status Make(Fault fault, std::string what, std::string code, std::string_view message, std::string next) {
  return MakeError(fault, std::move(what),
                   {.code = std::move(code),
                    .why = Cause(message),
                    .state = "nothing was changed; queries only read",
                    .next = std::move(next)});
}

}  // namespace

std::string_view UnknownColumn(std::string_view message) {
  constexpr std::string_view kStarts[] = {"Referenced column \"", "does not have a column named \"", "Column \"",
                                          "Could not find key \""};
  for (const std::string_view start : kStarts) {
    const size_t at = message.find(start);
    if (at == std::string_view::npos) continue;
    const std::string_view rest = message.substr(at + start.size());
    return rest.substr(0, rest.find('"'));
  }
  return {};
}

Status TranslatePrepareError(std::string_view message) {
  if (Has(message, "Referenced column") || Has(message, "does not have a column named")) {
    return Make(Fault::kConfig,
                "the query names a column that no table in it has: " + std::string(UnknownColumn(message)), "E0705",
                message, "firn sql \"describe <namespace>.<table>\"");
  }
  if (message.starts_with("Permission Error") || Has(message, "has been locked")) {
    return Make(Fault::kConfig, "the query reaches beyond the tables it names", "E0702", message,
                "name tables of the lake, or a foreign one with iceberg('<path>.metadata.json')");
  }
  return Make(Fault::kConfig, "the query cannot be understood", "E0707", message,
              "correct the statement; the dialect is DuckDB's");
}

Status TranslateRunError(std::string_view message) {
  const bool broken_file = Has(message, "Invalid Parquet") || Has(message, "No magic bytes") ||
                           Has(message, "TProtocolException") || Has(message, "file is too small") ||
                           (message.starts_with("IO Error") && Has(message, ".parquet"));
  if (broken_file) {
    return Make(Fault::kBadData, "a data file cannot be read", "E0708", message,
                "firn history <table>, then read an earlier snapshot with AT (VERSION => <id>)");
  }
  if (Has(message, "Out of Memory")) {
    return Make(Fault::kConfig, "the query needs more memory than it may use", "E0708", message,
                "give it more with --memory, or select fewer columns and rows");
  }
  if (message.starts_with("Permission Error")) return TranslatePrepareError(message);
  return Make(Fault::kConfig, "the query failed while running", "E0708", message,
              "correct the values or the expression named above");
}

Status NotReading() {
  return MakeError(Fault::kConfig, "the statement would change something; firn sql only reads",
                   {.code = "E0702",
                    .why = "allowed are SELECT, WITH, FROM, VALUES, TABLE, DESCRIBE, SUMMARIZE, EXPLAIN, SHOW",
                    .state = "nothing was changed",
                    .next = "tables are written by firn run, firn copy and firn table"});
}

Status NoParameters() {
  return MakeError(Fault::kConfig, "the query has parameters (? or $1), and nothing gives them values",
                   {.code = "E0707", .state = "nothing was changed", .next = "write the values into the statement"});
}

}  // namespace firn::query
