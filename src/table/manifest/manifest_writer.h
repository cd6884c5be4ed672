#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "table/manifest/data_file.h"
#include "table/manifest/manifest_list.h"
#include "table/metadata/metadata.h"

namespace firn::table {

struct ManifestWriterOptions {
  SchemaPtr schema;    // the table's; stored in the header
  PartitionSpec spec;  // every source column must be in `schema`
  ManifestContent content = ManifestContent::kData;
  SnapshotId snapshot_id;  // that will add the manifest
  int32_t format_version = 2;
  bool compressed = true;  // deflate, else plain: for a few entries
};

/// A finished manifest: the caller stores `bytes` and sets `file.manifest_path`.
struct EncodedManifest {
  std::string bytes;
  ManifestFile file;  // length, counts and partition summaries set; sequence numbers of new files left open
};

/// Encodes one manifest (one spec, one content kind) in memory. Used by one thread.
class ManifestWriter {
 public:
  /// Errors: kConfig for a format version other than 2 and 3 or an unknown transform; kBadData for a missing source
  /// column.
  static Result<std::unique_ptr<ManifestWriter>> Make(ManifestWriterOptions options);
  virtual ~ManifestWriter() = default;

  /// Adds a new file with status ADDED: sequence numbers stay null and are inherited, so that a retry of the commit
  /// rewrites the manifest list alone. The snapshot id is written (some readers do not inherit it): a retry must keep
  /// the id it began with, as Java does. So does the first row id: the list assigns it. Errors: kBug if the file does
  /// not fit the manifest (content, spec, partition tuple, empty path, negative counts, invalid bounds, a deletion
  /// vector in version 2 or a second one of a data file, a position delete file in version 3).
  virtual Status Add(const DataFile& file) = 0;
  /// Adds a new file whose data sequence number is fixed (compaction keeps the one it started from).
  virtual Status Add(const DataFile& file, int64_t data_sequence_number) = 0;
  /// Carries an entry over with status EXISTING; its ids and sequence numbers must be set.
  virtual Status AddExisting(const ManifestEntry& entry) = 0;
  /// Adds an entry with status DELETED, deleted by this writer's snapshot; sequence numbers are kept and must be set.
  virtual Status AddDeleted(const ManifestEntry& entry) = 0;

  virtual int64_t num_entries() const = 0;
  /// Bytes encoded so far, before compression: to roll over at a target size.
  virtual int64_t size_bytes() const = 0;
  /// Ends the manifest. Called once, last. Errors: kBug if there are no entries.
  virtual Result<EncodedManifest> Finish() = 0;
};

}  // namespace firn::table
