#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/file_store.h"
#include "schema/type.h"
#include "table/index/key_index.h"
#include "table/metadata/metadata.h"

namespace firn::pipeline {

/// The key index of one table, if it pays: it is there already, or the table has kIndexedRecordsMin rows. Used by one
/// thread. It is a cache in the state folder (`index/<table uuid>`), which may be deleted at any time between runs.
class TableKeyIndex {
 public:
  struct Options {
    std::string state_folder;  // an absolute path
    std::vector<int32_t> key_field_ids;
    int64_t memory_bytes = 0;
  };
  /// Opens it, or begins an empty one. `schema`: of the load, which the table will have. Never fails: without an index
  /// merges scan, and a line in the log says why.
  static std::unique_ptr<TableKeyIndex> Open(const table::TableMetadata& metadata, const schema::Schema& schema,
                                             const Options& options);
  /// An index that turned out to be damaged is removed, so that the next run builds it anew.
  ~TableKeyIndex();

  /// Null: merges scan. Borrowed.
  table::index::KeyIndex* get() const { return index_.get(); }

 private:
  explicit TableKeyIndex(std::string folder) : folder_(std::move(folder)) {}
  Status Start(const table::TableMetadata& metadata, const schema::Schema& schema, const Options& options);

  const std::string folder_;
  std::unique_ptr<io::FileStore> files_;
  std::unique_ptr<table::index::KeyIndex> index_;
};

/// Below it scanning the key columns is as fast. FIRN_KEY_INDEX_RECORDS_MIN puts another number in its place.
inline constexpr int64_t kIndexedRecordsMin = 1'000'000;

}  // namespace firn::pipeline
