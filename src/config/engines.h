#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/descriptor.h"
#include "config/lowering.h"

/// Which engines read which tables (docs/reference/engines.md says whence that is known). Pure.
namespace firn::config {

struct EngineSupport {
  std::string_view name;
  bool position_deletes = true;   // merged tables of format version 2
  bool format_version_3 = false;  // with deletion vectors
};

/// All engines that `engines:` may name.
const std::vector<EngineSupport>& EngineSupports();
/// The same as values of a field.
std::vector<EnumValue> EngineValues();

/// The format versions that all engines of a list read. `merges`: rows of the table are deleted or replaced.
struct ReadableVersions {
  bool version_2 = true;
  bool version_3 = true;
  std::string without_2;  // names of engines that do not read it, with commas
  std::string without_3;
};
ReadableVersions VersionsFor(const std::vector<std::string>& engines, bool merges);

/// Reads `engines:` into table->format_version where they leave one choice; write_disposition, merge and format_version
/// are lowered already. Errors: E0424, with a table of who of them reads what.
void LowerEngines(const ObjectView& view, const std::string& path, const LoweringContext& context, TableConfig* table);

}  // namespace firn::config
