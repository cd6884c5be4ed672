#pragma once

#include <cstdint>

#include "base/status.h"
#include "io/file_store.h"
#include "table/delete/delete_reader.h"
#include "table/index/key_index.h"
#include "table/write/key_scan.h"
#include "table/write/row_delta.h"

namespace firn::table {

struct KeyIndexCatchUp {
  int64_t files_read = 0;  // live files whose key columns were read
  bool rebuilt = false;    // all of them
};

/// Brings an index without staged changes to the target's current snapshot and publishes it, if it is at another one.
/// Behind an ancestor that the metadata still has: files that came, went, or have other deletes than then are read
/// anew. Otherwise every file is forgotten and read, under the same secret. Without a snapshot all files are staged for
/// removal. `reader`: of the target's metadata. Errors: of the index, of reading the table; the index is then anywhere
/// between (Discard).
Result<KeyIndexCatchUp> CatchUp(io::FileStore& files, const MergeTarget& target, const KeyScanOptions& keys,
                                DeleteReader& reader, index::KeyIndex& index);

}  // namespace firn::table
