#pragma once

#include <cstdint>

#include "table/manifest/data_file.h"
#include "table/manifest/manifest_list.h"

/// Row lineage (Iceberg spec, "Row Lineage"): from format version 3 on, each row has an id for life, `_row_id`, and the
/// sequence number of the commit that last changed it, `_last_updated_sequence_number`. A row whose data file does not
/// store them has the file's first_row_id plus its position, and the file's data sequence number.
namespace firn::table {

inline constexpr int32_t kRowLineageFromVersion = 3;

/// Gives the data files of one manifest their first row ids (spec, "First Row ID Inheritance"): files that have none
/// get, in order, the ids from the manifest's on; of a manifest without, no file has any. A value.
class RowIdInheritance {
 public:
  explicit RowIdInheritance(const ManifestFile& manifest)
      : gives_ids_(manifest.content == ManifestContent::kData && manifest.first_row_id.has_value()),
        next_(manifest.first_row_id.value_or(0)) {}

  /// To be called for every entry of the manifest, in order.
  void Apply(ManifestEntry& entry) {
    if (!gives_ids_) {
      entry.file.first_row_id.reset();
    } else if (entry.live() && !entry.file.first_row_id) {
      entry.file.first_row_id = next_;
      next_ += entry.file.record_count;
    }
  }

 private:
  bool gives_ids_;
  int64_t next_;
};

}  // namespace firn::table
