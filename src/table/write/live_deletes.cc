#include "table/write/live_deletes.h"

#include "base/failpoint.h"

namespace firn::table {

Status DeleteLiveRows(const MergeTarget& target, const RowsByFile& dead, DeleteReader* reader, DeleteWriter* writer,
                      MergeResult* result) {
  FIRN_FAILPOINT("merge.delete_rows");
  for (const auto& [index, rows] : dead) {
    const ManifestEntry& entry = target.live->files[index];
    const FileDeletes& previous = target.live->DeletesOf(index);
    ARROW_ASSIGN_OR_RAISE(const auto deleted, reader->DeletedRows(entry, previous));
    const int64_t num_dead = rows.cardinality() + (deleted == nullptr ? 0 : deleted->cardinality());
    if (num_dead < entry.file.record_count) {
      ARROW_RETURN_NOT_OK(writer->Delete(entry, previous, rows));
      continue;
    }
    result->removed.push_back(entry);
    ARROW_RETURN_NOT_OK(writer->Drop(entry, previous));
  }
  return Status::OK();
}

}  // namespace firn::table
