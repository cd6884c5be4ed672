#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/position_set.h"
#include "table/manifest/data_file.h"

namespace firn::io {
class FileStore;
}

/// Position delete files, format version 2 (Iceberg spec, "Position Delete Files"): Parquet rows (file_path, pos).
namespace firn::table {

inline constexpr int32_t kDeleteFilePathFieldId = 2147483546;
inline constexpr int32_t kDeletePositionFieldId = 2147483545;

/// Writes the delete file of one data file: sorted, bounds of file_path exact and untruncated (readers scope the file
/// by them), referenced_data_file set, no sort order. `data_file`: path, spec id and partition are taken. `positions`
/// must not be empty. The file is durable on return. Errors: of the file store.
Result<DataFile> WritePositionDeleteFile(io::FileStore& files, const std::string& location, const DataFile& data_file,
                                         const PositionSet& positions, arrow::MemoryPool* pool = nullptr);

/// Returns the one data file whose rows a position delete entry deletes, if its manifest entry says so: by
/// referenced_data_file, or by equal bounds of file_path.
std::optional<std::string> ScopeOf(const DataFile& entry);
/// False only if the bounds of file_path exclude rows of that data file.
bool MayDeleteFrom(const DataFile& entry, std::string_view data_file);

/// Positions by data file. Paths are compared byte for byte.
using PositionsByFile = std::map<std::string, PositionSet, std::less<>>;

/// Reads a position delete file of any writer: columns found by field id, else by name; any order; with or without the
/// `row` column; several data files. `only`: if set, rows of other data files are skipped, and so are row groups whose
/// statistics exclude it. Errors: kBadData (not Parquet, columns missing, null or negative values); of the file store.
Result<PositionsByFile> ReadPositionDeleteFile(io::FileStore& files, const DataFile& entry,
                                               const std::optional<std::string>& only,
                                               arrow::MemoryPool* pool = nullptr);

}  // namespace firn::table
