#pragma once

#include <string>

#include "config/descriptor.h"

namespace firn::config {

/// `on_response` of a REST source or of a table; `doc`: what the list is for there.
Field ResponseRulesField(std::string doc);
/// One item of it.
ObjectTypePtr ResponseRuleType();

}  // namespace firn::config
