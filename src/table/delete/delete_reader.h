#pragma once

#include <cstdint>
#include <memory>

#include <arrow/type_fwd.h>
#include "base/status.h"
#include "table/delete/delete_index.h"
#include "table/delete/position_set.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

struct NameMapping;

struct DeleteReaderOptions {
  /// What deletes shared by several data files may hold in memory; equality deletes beyond it are applied in several
  /// passes over the key columns of a data file.
  int64_t memory_bytes = int64_t{64} << 20;
  std::shared_ptr<const NameMapping> name_mapping;  // of data files without field ids; may be null
  arrow::MemoryPool* pool = nullptr;                // null: the default pool
};

/// Turns the deletes of a data file into row positions, whatever their kind. Keeps what several data files share.
/// Thread-safe.
///
/// Equality: null equals null; text and bytes byte for byte; floating point as Java compares it (NaN equals NaN, -0.0
/// differs from 0.0); columns are found by field id, dropped ones too, and both sides are brought to the column's
/// newest type. A column the data file lacks is null. Keys are compared by value, not by hash.
class DeleteReader {
 public:
  static std::shared_ptr<DeleteReader> Make(io::FileStore& files, std::shared_ptr<const TableMetadata> metadata,
                                            DeleteReaderOptions options = {});
  virtual ~DeleteReader() = default;

  /// Returns the deleted rows of `data`; null if there are none. Errors: kBadData for damaged delete files, a position
  /// beyond the data file, an equality column unknown to the table; of the file store.
  virtual Result<std::shared_ptr<const PositionSet>> DeletedRows(const ManifestEntry& data,
                                                                 const FileDeletes& deletes) = 0;
  /// The same of deletion vectors and position deletes alone.
  virtual Result<std::shared_ptr<const PositionSet>> DeletedPositions(const ManifestEntry& data,
                                                                      const FileDeletes& deletes) = 0;
};

}  // namespace firn::table
