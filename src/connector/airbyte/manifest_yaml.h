#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "expression/value.h"

namespace firn::connector::airbyte {

/// Reads a manifest's YAML (or JSON) the way Airbyte's runtime does: YAML 1.1 scalars (`yes` is true, `1_000` a number,
/// `1e3` text), aliases, merge keys (`<<`), and of a key that comes twice the last. Numbers keep their text.
/// `name`: of the file, for messages. Errors: kConfig with file:line:column; also above 64 MiB of text, and E0105 above
/// 300,000 nodes after aliases (NodesOfText).
Result<expression::Value> ParseManifestYaml(std::string_view text, const std::string& name);

}  // namespace firn::connector::airbyte
