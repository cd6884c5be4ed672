#pragma once

#include <vector>

#include "config/descriptor.h"

namespace firn::config {

/// `on:` of a project, pipeline or table.
Field AlertsField();
/// `on`, `volume` and `freshness` of a table (watch_config.h).
std::vector<Field> WatchFields();
ObjectTypePtr AlertsType();
ObjectTypePtr AlertType();

}  // namespace firn::config
