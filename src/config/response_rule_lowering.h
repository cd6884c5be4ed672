#pragma once

#include <string>
#include <vector>

#include "config/lowering.h"
#include "config/response_rule_config.h"

namespace firn::config {

/// Reads `on_response` of `owner`, the source or table at `path`. Errors: E0420 for a status, E0515 for what does not
/// fit together.
std::vector<ResponseRuleConfig> LowerResponseRules(const ObjectView& owner, const std::string& path,
                                                   const LoweringContext& context);

}  // namespace firn::config
