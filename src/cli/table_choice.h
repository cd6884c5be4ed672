#pragma once

#include <string>

#include "base/status.h"
#include "config/project.h"

namespace firn::cli {

struct TableChoice {
  const config::PipelineConfig* pipeline = nullptr;
  const config::TableConfig* table = nullptr;
};

/// Finds a pipeline by its name. The result borrows the project. Errors: kConfig (E0230) with the names there are.
Result<const config::PipelineConfig*> ChoosePipeline(const config::Project& project, const std::string& name);

/// Finds one table of the project by "orders", "shop.orders" (dataset or pipeline). The result borrows the project.
/// Errors: kConfig for a name that fits none or several, with the names there are.
Result<TableChoice> ChooseTable(const config::Project& project, const std::string& name);

}  // namespace firn::cli
