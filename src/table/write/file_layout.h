#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "schema/type.h"
#include "table/write/sort_keys.h"

/// How the files of a table are written, as its metadata says: sort order and table properties. Loads and compaction
/// read it from there, so that files stay alike whoever writes them.
namespace firn::table {

struct TableMetadata;

/// Table property: "zorder(a,b)", names of columns. Beside it the table's sort order is 0: no file claims one.
inline constexpr char kZOrderKey[] = "firn.sort-by";
/// Table property: "ndv" keeps counts of distinct values (table/maintenance/table_statistics.h).
inline constexpr char kStatisticsKey[] = "firn.statistics";
inline constexpr char kNdvStatistics[] = "ndv";
/// Table properties of Iceberg ("Write properties"), followed by the column's full name.
inline constexpr char kBloomEnabledPrefix[] = "write.parquet.bloom-filter-enabled.column.";
inline constexpr char kBloomFppPrefix[] = "write.parquet.bloom-filter-fpp.column.";
inline constexpr char kBloomNdvPrefix[] = "write.parquet.bloom-filter-ndv.column.";
inline constexpr char kBloomBytesMax[] = "write.parquet.bloom-filter-max-bytes";
inline constexpr char kTargetFileSize[] = "write.target-file-size-bytes";

/// A column with a Bloom filter in each row group.
struct BloomColumn {
  int32_t field_id = 0;
  double fpp = 0.01;                     // share of absent values that pass
  int64_t ndv = 0;                       // distinct values of a row group; 0: found out
  int64_t bytes_max = int64_t{1} << 20;  // of a filter
  friend bool operator==(const BloomColumn&, const BloomColumn&) = default;
};

struct FileLayout {
  RowOrder order;
  std::vector<BloomColumn> bloom_filters;
  int64_t target_file_bytes = 0;  // 0: the table does not say
};

/// Reads the layout; what names no column, or cannot be read, is left out. Columns without a filter in Parquet
/// (boolean, nested) have none.
FileLayout LayoutOf(const SortOrder& order, const std::map<std::string, std::string>& properties,
                    const schema::Schema& schema);
FileLayout LayoutOf(const TableMetadata& metadata);

/// "zorder(a,b)".
std::string ZOrderText(const std::vector<std::string>& columns);
/// The names in it; empty if it is something else.
std::vector<std::string> ParseZOrderText(std::string_view text);

}  // namespace firn::table
