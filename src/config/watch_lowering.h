#pragma once

#include <string>

#include "config/lowering.h"

namespace firn::config {

/// Reads `on:` of `owner` (project, pipeline or table) at `path` (empty: the project). Errors: E0495.
AlertsConfig LowerAlerts(const ObjectView& owner, const std::string& path, const LoweringContext& context);
/// Reads `on`, `volume` and `freshness` of a table, whose incremental is there already, into table->watch; what it does
/// not say of an event is taken from `outer`. Errors: E0495, E0496.
void LowerWatch(const ObjectView& view, const AlertsConfig& outer, const LoweringContext& context, TableConfig* table);

}  // namespace firn::config
