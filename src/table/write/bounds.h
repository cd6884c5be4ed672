#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "schema/type.h"

namespace firn::format::parquet {
struct ColumnStatistics;
}

namespace firn::table {

/// The Iceberg metrics of one leaf column of one data file (Iceberg specification, "Manifests", data_file fields 109,
/// 110, 137, 125, 128).
struct ColumnMetrics {
  int32_t field_id = 0;
  int64_t value_count = 0;           // rows, nulls and NaN included
  int64_t null_count = 0;            // the leaf or a struct above it is null
  std::optional<int64_t> nan_count;  // of float and double only
  /// Single-value serialisation (Appendix D). Every non-null, non-NaN value v of the file satisfies lower <= v <= upper
  /// in Iceberg order; a bound may be loose (strings: 16 code points, binary: 16 bytes) or absent, never wrong.
  std::optional<std::string> lower;
  std::optional<std::string> upper;
};

struct MetricsOptions {
  int32_t columns_max = 100;              // leaves in schema order that get metrics; manifests stay small
  std::vector<int32_t> always_field_ids;  // leaves that get metrics beyond that number, for example key columns
};

/// Collects metrics of leaves outside lists and maps while a file is written. Leaves inside lists and maps get none
/// here: their counts come from the Parquet footer and they never have bounds. Bounds of uuid columns are left out,
/// because readers do not agree on the order of uuids. Used by one thread.
class MetricsCollector {
 public:
  static Result<MetricsCollector> Make(const schema::Schema& schema, const MetricsOptions& options);
  MetricsCollector(MetricsCollector&&) noexcept;
  MetricsCollector& operator=(MetricsCollector&&) noexcept;
  ~MetricsCollector();

  /// Takes in `batch`, whose columns are those of the schema, in order, in the types of schema::ToArrow.
  /// Errors: kBug if a column has another type.
  Status Add(const arrow::RecordBatch& batch, arrow::MemoryPool* pool);

  /// Returns the metrics of all rows so far, one entry per collected leaf, in schema order.
  std::vector<ColumnMetrics> Finish() const;

  class Leaf;

 private:
  MetricsCollector();
  struct Column {
    std::vector<int> path;  // child indices from the row to the leaf
    std::unique_ptr<Leaf> leaf;
    schema::TypePtr type;
  };
  std::vector<Column> columns_;
};

/// Returns the metrics of a leaf outside lists and maps from what the encoder of its file saw. Equal to those of a
/// MetricsCollector that saw the rows.
ColumnMetrics MetricsOf(const schema::Field& leaf, const format::parquet::ColumnStatistics& statistics);

/// Returns the first 16 code points of `text`, a lower bound of all values from `text` on.
std::string TruncateStringDown(std::string_view text);
/// Returns an upper bound of at most 16 code points for all values up to `text`: the truncated text with its last code
/// point incremented (surrogates skipped, carried left). nullopt if there is none. `text` is returned as it is when it
/// is short enough.
std::optional<std::string> TruncateStringUp(std::string_view text);
/// The same for bytes: 16 bytes.
std::string TruncateBytesDown(std::string_view bytes);
std::optional<std::string> TruncateBytesUp(std::string_view bytes);

/// Returns the minimal-length big-endian two's complement of a 128-bit integer given as little-endian 16 bytes (the
/// memory of an Arrow decimal128 value).
std::string DecimalToBytes(const uint8_t* little_endian_16);

}  // namespace firn::table
