#pragma once

#include <arrow/type_fwd.h>

#include <cstdint>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "table/manifest/data_file.h"
#include "table/metadata/metadata.h"

namespace firn::io {
class FileStore;
}

namespace firn::table {

struct VanishedKeysOptions {
  schema::Schema key_schema;                  // of KeySchema
  int64_t memory_bytes = int64_t{128} << 20;  // for keys; beyond it they go to an unlinked temporary file
  arrow::MemoryPool* pool = nullptr;          // null: the default pool
};

struct VanishedKeys {
  int64_t num_keys = 0;      // distinct ones of the live rows; rows without a key do not count
  int64_t num_vanished = 0;  // of them: those that no row of the new files has
};

/// Compares the keys of a table's live rows with those of the files that would take their place. What deletes do to
/// rows of the new files is not looked at. Keys are equal as in row_delta.h. Errors: as OpenLiveRows; kConfig naming
/// --memory if the keys cannot be compared within memory_bytes; kCancelled.
Result<VanishedKeys> FindVanishedKeys(io::FileStore& files, const std::shared_ptr<const TableMetadata>& metadata,
                                      const std::vector<DataFile>& new_files, const VanishedKeysOptions& options,
                                      std::stop_token stop);

}  // namespace firn::table
