#pragma once

#include <arrow/type_fwd.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "source/registry.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}

/// How far the live rows of a table go by one of its columns. Reads the data files that are live on main, deletes
/// applied, one batch in memory.
namespace firn::pipeline {

/// A value that rows are ordered by: times in microseconds, whole numbers, or text of one length, bytewise.
struct OrderedValue {
  int64_t number = 0;
  std::string text;
  friend auto operator<=>(const OrderedValue&, const OrderedValue&) = default;
};

/// Calls `visit` with each batch of the live rows' columns `fields` (of the table's schema), in that order. Errors:
/// kConfig E0950 for data files that are not Parquet; of the store and of decoding; kCancelled.
Status VisitLiveRows(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                     const std::vector<schema::Field>& fields,
                     const std::function<Status(const arrow::RecordBatch&)>& visit, std::stop_token stop);

/// A top-level column of the table that may order its rows. Errors: kConfig E0952 for another type.
class OrderColumn {
 public:
  static Result<OrderColumn> Make(const schema::Field& field);
  const schema::Field& field() const { return field_; }
  /// True for timestamps and dates, whose values are microseconds since 1970.
  bool is_time() const;
  bool is_text() const { return field_.type->id == schema::TypeId::kString; }
  /// nullopt: null. Errors: kConfig E0952 for texts of different lengths.
  Result<std::optional<OrderedValue>> At(const arrow::Array& values, int64_t row);
  source::CursorStart StartOf(const OrderedValue& value) const;

 private:
  explicit OrderColumn(schema::Field field) : field_(std::move(field)) {}
  schema::Field field_;
  std::optional<size_t> text_size_;
};

/// The largest value; nullopt if there is none.
Result<std::optional<OrderedValue>> LargestValue(io::FileStore& files,
                                                 const std::shared_ptr<const table::TableMetadata>& metadata,
                                                 OrderColumn& column, std::stop_token stop);

/// The rows at or after `from`, and those whose value is null, by key.
struct RowsFrom {
  int64_t num_rows = 0;
  std::vector<source::KnownRow> rows;  // empty if they cannot be known again by `key`
  std::string why_not_known;           // empty: they are in `rows`
};
constexpr int64_t kKnownRowsMax = 100'000;
Result<RowsFrom> FindRowsFrom(io::FileStore& files, const std::shared_ptr<const table::TableMetadata>& metadata,
                              OrderColumn& column, const OrderedValue& from, const std::vector<schema::Field>& key,
                              std::stop_token stop);

}  // namespace firn::pipeline
