#include "table/write/key_scan.h"

#include <arrow/array.h>
#include <arrow/record_batch.h>

#include <utility>

#include "table/delete/deletion_vector.h"
#include "table/scan/live_rows.h"
#include "table/write/key_hasher.h"

namespace firn::table {

namespace {

/// Leaves out the rows without a key.
void DropNullKeys(KeyHashes* keys, std::vector<int64_t>* positions) {
  size_t kept = 0;
  for (size_t row = 0; row < keys->hashes.size(); ++row) {
    if (keys->has_null[row]) continue;
    keys->hashes[kept] = keys->hashes[row];
    (*positions)[kept++] = (*positions)[row];
  }
  keys->hashes.resize(kept);
  positions->resize(kept);
}

}  // namespace

Status ScanKeys(io::FileStore& files, const DataFile& file, std::shared_ptr<const PositionSet> deleted,
                const KeyScanOptions& options, const KeyVisitor& visit, const RowsWanted& wanted) {
  schema::Schema target = *options.key_schema;
  target.fields.push_back({.id = kRowPositionFieldId, .name = "_pos", .type = schema::Long(), .required = true});
  FileReadOptions read{.name_mapping = options.name_mapping, .pool = options.pool};
  if (wanted) {
    read.choose = [&](const RowGroup& group) { return wanted(group.first_row, group.first_row + group.num_rows); };
  }
  ARROW_ASSIGN_OR_RAISE(auto reader, OpenLiveRows(files, file, std::move(deleted), target, read));
  std::shared_ptr<arrow::RecordBatch> batch;
  while (true) {
    ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
    if (batch == nullptr) return Status::OK();
    const int last = batch->num_columns() - 1;
    const auto& column = static_cast<const arrow::Int64Array&>(*batch->column(last));
    std::vector<int64_t> positions(column.raw_values(), column.raw_values() + column.length());
    ARROW_ASSIGN_OR_RAISE(const auto columns, batch->RemoveColumn(last));
    KeyHashes keys = HashKeys(*columns, options.secret);
    if (!keys.has_null.empty()) DropNullKeys(&keys, &positions);
    ARROW_RETURN_NOT_OK(visit(keys.hashes, positions));
  }
}

Result<int64_t> ScanLiveKeys(io::FileStore& files, const ScanPlan* plan, const KeyScanOptions& options,
                             const std::function<bool(const DataFile&)>& wanted, DeleteReader* reader,
                             const LiveKeyVisitor& visit) {
  int64_t num_read = 0;
  for (size_t i = 0; plan != nullptr && i < plan->files.size(); ++i) {
    const ManifestEntry& entry = plan->files[i];
    if (!wanted(entry.file)) continue;
    ++num_read;
    ARROW_ASSIGN_OR_RAISE(auto deleted, reader->DeletedRows(entry, plan->DeletesOf(i)));
    const auto note = [&](std::span<const Hash128> keys, std::span<const int64_t> positions) {
      return visit(i, keys, positions);
    };
    ARROW_RETURN_NOT_OK(ScanKeys(files, entry.file, std::move(deleted), options, note));
  }
  return num_read;
}

}  // namespace firn::table
