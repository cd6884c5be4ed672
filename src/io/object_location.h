#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::io {

/// Locations in object stores: "s3://bucket/key" (on reading also s3a, s3n), "gs://bucket/key",
/// "abfss://container@account.dfs.core.windows.net/key" (abfs, wasb, wasbs on reading). As with files the text is taken
/// literally: nothing is percent-decoded.

enum class ObjectScheme { kS3, kGcs, kAzure };

struct ObjectLocation {
  ObjectScheme scheme = ObjectScheme::kS3;
  std::string prefix;   // of the location as written, up to the bucket: "s3://", "abfss://"
  std::string bucket;   // or container
  std::string account;  // kAzure: "account.dfs.core.windows.net"; may be empty
  std::string key;      // without a leading slash; may be empty

  std::string path() const { return key.empty() ? bucket : bucket + "/" + key; }
  /// Location of another key of the same bucket, in the spelling of this one.
  std::string Sibling(std::string_view other_key) const;
};

/// True if the location names an object store (and not a file).
bool IsObjectLocation(std::string_view location);
/// Errors: kConfig for another scheme, no bucket, empty or dot segments, control characters.
Result<ObjectLocation> ParseObjectLocation(std::string_view location);
/// Checks a place where we are going to write: canonical scheme, and no character that other readers misread.
Status CheckNewObjectLocation(std::string_view location);

/// "file:///lake" for an absolute path, locations as they are: where tables of a warehouse go.
std::string WarehouseLocation(std::string_view warehouse);

}  // namespace firn::io
