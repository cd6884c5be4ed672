#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "table/manifest/data_file.h"
#include "table/manifest/manifest_list.h"
#include "table/metadata/metadata.h"

namespace firn::table {

struct ManifestReadOptions {
  /// The tuple of the manifest's spec (PartitionFieldsOf). Values are converted to these types, so that a day is a date
  /// whether written as Avro int or date.
  std::vector<schema::Field> partition_fields;
  /// Whether column sizes, counts and bounds are read.
  enum class Statistics { kAll, kNone, kSome };
  Statistics statistics = Statistics::kAll;
  /// kSome: the field ids wanted. Keeps memory small on wide tables.
  std::set<int32_t> statistics_fields;
};

/// Key-value pairs of a manifest's header, where present and readable.
struct ManifestHeader {
  int32_t format_version = 1;  // absent in the file: 1
  ManifestContent content = ManifestContent::kData;
  std::optional<int32_t> spec_id;
  std::optional<int32_t> schema_id;
  std::string schema_json;  // as in the file, may be empty
  std::string partition_spec_json;
};

/// Reads one manifest of v1, v2 or v3, in the shapes of all known writers. First row ids are inherited from the list
/// (row_ids.h). Used by one thread.
class ManifestReader {
 public:
  /// `bytes`: the whole file, borrowed for the reader's life. `file`: the manifest's line in the list, from which
  /// snapshot id, sequence numbers and spec id are inherited. Errors: kBadData.
  static Result<std::unique_ptr<ManifestReader>> Open(std::string_view bytes, const ManifestFile& file,
                                                      ManifestReadOptions options);
  virtual ~ManifestReader() = default;
  virtual const ManifestHeader& header() const = 0;
  /// Returns the next entry (deleted ones too), nullopt at the end. Errors: kBadData.
  virtual Result<std::optional<ManifestEntry>> Next() = 0;
};

/// Reads all entries of a manifest at once.
Result<std::vector<ManifestEntry>> ReadManifest(std::string_view bytes, const ManifestFile& file,
                                                ManifestReadOptions options);

}  // namespace firn::table
