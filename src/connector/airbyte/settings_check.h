#pragma once

#include <vector>

#include "config/declared_tables.h"
#include "connector/airbyte/component.h"

namespace firn::connector::airbyte {

/// Checks settings against a `connection_specification` (JSON Schema, drafts 4 to 2020-12) as Airbyte's runtime does
/// before it starts a connector: what that refuses is kMissing or kUnfit here, and nothing else is. Names that are not
/// in it, and dates by `format`, which the runtime does not look at, are kDoubtful. Keywords that are not known check
/// nothing. Messages hold no value. `settings`: a map. Pure.
std::vector<config::SettingProblem> CheckSettings(const Value& specification, const Value& settings);

}  // namespace firn::connector::airbyte
