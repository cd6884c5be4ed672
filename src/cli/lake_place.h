#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"

/// A lake that has its catalog inside: a copy of its folder brings a catalog along that names the files of the original
/// (docs/decisions/0011-adopt-move-upgrade.md).
namespace firn::cli {

/// Property of a table that was adopted where it lies, outside of the warehouse: its location.
inline constexpr char kAdoptedPlaceProperty[] = "firn.adopted-at";

/// What is done with a table that lies outside of the lake its catalog lies in.
enum class OutsideTables { kRefused, kRead, kAdopted };

class LakePlace {
 public:
  /// nullopt: the catalog is no file inside of a local warehouse.
  static std::optional<LakePlace> Of(const config::LakeConfig& lake);

  /// True if the table's files are those of another folder, and nobody said that they belong there (adopted tables,
  /// `gc.enabled=false`). Symbolic links are followed; tables in object stores are not.
  bool IsOutside(const table::TableMetadata& metadata) const;
  /// kConfig E0960.
  Status Refusal(const catalog::TableIdentifier& identifier, const std::string& location) const;

 private:
  explicit LakePlace(std::string folder) : folder_(std::move(folder)) {}
  std::string folder_;  // canonical
};

}  // namespace firn::cli
