#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/background_sync.h"
#include "io/file_store.h"
#include "table/manifest/data_file.h"
#include "table/manifest/manifest_list.h"
#include "table/manifest/manifest_reader.h"
#include "table/manifest/manifest_writer.h"
#include "table/metadata/metadata.h"

namespace firn::table {

/// Calls `take` for each entry of a manifest, deleted ones too.
Status ForEachEntry(io::FileStore& files, const TableMetadata& metadata, const ManifestFile& manifest,
                    ManifestReadOptions::Statistics statistics, const std::function<Status(ManifestEntry)>& take);

/// Writes manifests of one spec and content, beginning a new file when one is large enough. Used by one thread.
class RollingManifests {
 public:
  /// `sync`: makes the files durable; their folder is the caller's to sync. `name`: called for the location of each.
  RollingManifests(io::BackgroundSync& sync, ManifestWriterOptions options, std::function<std::string()> name);
  /// The writer to add entries to, after checking its size.
  Result<ManifestWriter*> Writer();
  /// Ends the last file and returns all, in order. None if nothing was added.
  Result<std::vector<ManifestFile>> Finish();

 private:
  Status Close();

  io::BackgroundSync& sync_;
  const ManifestWriterOptions options_;
  const std::function<std::string()> name_;
  std::unique_ptr<ManifestWriter> writer_;
  std::vector<ManifestFile> finished_;
};

/// Returns options for manifests of `spec_id`, with a schema that has the spec's source columns.
Result<ManifestWriterOptions> WriterOptionsFor(const TableMetadata& metadata, int32_t spec_id, ManifestContent content,
                                               SnapshotId snapshot_id);

}  // namespace firn::table
