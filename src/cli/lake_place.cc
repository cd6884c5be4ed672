#include "cli/lake_place.h"

#include <filesystem>

#include "io/file_store.h"
#include "io/object_location.h"

namespace firn::cli {
namespace {

// Empty: it is no place of this machine.
std::string CanonicalOf(const std::string& location) {
  if (location.empty() || io::IsObjectLocation(location)) return "";
  const auto path = io::PathOfLocation(location);
  if (!path.ok()) return "";
  std::error_code error;
  std::string canonical = std::filesystem::weakly_canonical(*path, error).string();
  if (error) return "";
  while (canonical.size() > 1 && canonical.ends_with('/')) canonical.pop_back();
  return canonical;
}

bool IsAtOrBelow(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

}  // namespace

std::optional<LakePlace> LakePlace::Of(const config::LakeConfig& lake) {
  if (lake.catalog.type != config::CatalogType::kSqlite) return std::nullopt;
  std::string folder = CanonicalOf(lake.warehouse);
  const std::string catalog = CanonicalOf(lake.catalog.path);
  if (folder.empty() || catalog.empty() || !IsAtOrBelow(catalog, folder)) return std::nullopt;
  return LakePlace(std::move(folder));
}

bool LakePlace::IsOutside(const table::TableMetadata& metadata) const {
  const std::string place = CanonicalOf(metadata.location);
  if (place.empty() || IsAtOrBelow(place, folder_)) return false;
  return metadata.Property("gc.enabled") != "false" && metadata.Property(kAdoptedPlaceProperty) != metadata.location;
}

Status LakePlace::Refusal(const catalog::TableIdentifier& identifier, const std::string& location) const {
  return MakeError(
      Fault::kConfig,
      "the table " + identifier.ToString() + " lies outside of the lake that its catalog lies in: " + location,
      {.code = "E0960",
       .why = "after a copy of " + folder_ + " was made, its catalog still names the files of the original",
       .state = "nothing was changed, neither here nor there",
       .next = "firn lake relocate --dry-run   (makes the copy a lake of its own)"});
}

}  // namespace firn::cli
