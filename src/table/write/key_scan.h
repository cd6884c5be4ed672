#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include <arrow/type_fwd.h>
#include "base/hash.h"
#include "base/status.h"
#include "schema/type.h"
#include "table/delete/delete_reader.h"
#include "table/delete/position_set.h"
#include "table/index/key_hash.h"
#include "table/manifest/data_file.h"
#include "table/scan/file_reader.h"
#include "table/scan/plan.h"

namespace firn::table {

/// How the keys of data files are read. Everything is borrowed.
struct KeyScanOptions {
  const schema::Schema* key_schema = nullptr;  // of KeySchema
  const index::HashSecret* secret = nullptr;   // as for HashKeys
  const NameMapping* name_mapping = nullptr;   // may be null
  arrow::MemoryPool* pool = nullptr;           // null: the default pool
};

/// Takes keys and positions of some rows that follow each other; rows without a key are left out.
using KeyVisitor = std::function<Status(std::span<const Hash128> keys, std::span<const int64_t> positions)>;
/// Says whether the rows `begin` … `end` - 1 of a file are wanted.
using RowsWanted = std::function<bool(int64_t begin, int64_t end)>;

/// Reads the key columns of a data file's rows that are not `deleted` (null: none is), batch by batch, in order.
/// `wanted` is asked per row group; empty: all are. Errors: as OpenLiveRows; of `visit`.
Status ScanKeys(io::FileStore& files, const DataFile& file, std::shared_ptr<const PositionSet> deleted,
                const KeyScanOptions& options, const KeyVisitor& visit, const RowsWanted& wanted = {});

/// Takes the keys of live rows of one file: an index into the plan.
using LiveKeyVisitor =
    std::function<Status(size_t file, std::span<const Hash128> keys, std::span<const int64_t> positions)>;

/// Reads the key columns of live rows of the plan's files that are `wanted`. `plan`: null is empty. `reader`: of its
/// snapshot. Returns the number of files read. Errors: as ScanKeys.
Result<int64_t> ScanLiveKeys(io::FileStore& files, const ScanPlan* plan, const KeyScanOptions& options,
                             const std::function<bool(const DataFile&)>& wanted, DeleteReader* reader,
                             const LiveKeyVisitor& visit);

}  // namespace firn::table
