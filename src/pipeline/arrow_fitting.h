#pragma once

#include <arrow/type_fwd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "format/json/table_reader.h"
#include "schema/type.h"

namespace firn::pipeline {

/// Fits rows that come typed (Parquet files) to the columns of a table: by name, with their types as they are. A column
/// that the table has takes the wider of the two types (int→long, float→double, decimal precision up); another type is
/// refused, never changed. Used by one thread.
class ArrowFitting {
 public:
  struct Options {
    std::optional<schema::Schema> known;  // of the table; nullopt: it is new
    format::json::Contract contract;
    std::vector<schema::Field> declared;  // columns whose type the project says
    std::vector<std::string> ignored;     // top-level columns that are not loaded
    int32_t format_version = 2;           // of the table: below 3 there are no nanoseconds
    arrow::MemoryPool* pool = nullptr;
  };
  explicit ArrowFitting(Options options);

  /// Returns the rows in all columns known so far, null where they have none. Errors: kContract E0609 for a column that
  /// the contract refuses; kContract E0888 for a value or type that does not fit its column, naming both, and for a
  /// name that stands twice in the row or in a struct.
  Result<format::json::DecodedRows> Fit(const arrow::RecordBatch& batch);
  /// What the run's result says of the columns.
  std::vector<std::string> notes() const;

 private:
  Status Learn(const arrow::Schema& batch);
  Status LearnField(const arrow::Field& field);
  Status LearnColumn(const schema::Field& column);
  schema::Field NamedApart(schema::Field column) const;
  schema::Field* Find(const std::string& key);

  const Options options_;
  schema::Schema columns_;
  std::shared_ptr<const schema::Schema> shared_;  // of columns_, the same pointer until it changes
  std::shared_ptr<arrow::Schema> learnt_;         // the batches' schema that was learnt last
  std::set<std::string> without_type_;            // columns of nulls alone that the table lacks
};

}  // namespace firn::pipeline
