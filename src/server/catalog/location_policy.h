#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"

namespace firn::server {

/// Where tables and views may be: below the warehouse or an allowed location. Everything a client names is checked, on
/// every create, register and commit, whatever property it comes in. Immutable.
class LocationPolicy {
 public:
  /// `roots`: absolute paths, file: URIs, or prefixes with another scheme ("s3://bucket/lake").
  /// Errors: kConfig for one that is neither, or has "." or ".." parts.
  static Result<LocationPolicy> Make(const std::vector<std::string>& roots);

  /// Errors: 403 naming the location that lies outside; 400 for one with control characters or "..".
  /// Local paths are looked at with their symbolic links followed.
  Status Check(std::string_view location) const;
  /// Every location inside these: write.data.path, write.metadata.path and the like.
  Status CheckProperties(const std::map<std::string, std::string>& properties) const;
  /// Every location in updates: set-location, properties, manifest lists, statistics files.
  Status CheckUpdates(std::span<const table::TableUpdate> updates) const;
  /// Everything a metadata file says: for register.
  Status CheckMetadata(const table::TableMetadata& metadata) const;

 private:
  struct Root {
    std::string text;  // as locations are normalised, without the last slash
    std::string real;  // of local folders: with links followed
  };
  std::vector<Root> roots_;
};

}  // namespace firn::server
