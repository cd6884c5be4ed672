#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "config/project.h"

namespace firn::state {
class RunHistory;
}

namespace firn::pipeline {

/// Which tables a command is about, in the words of --select and --exclude: a table ("orders", "shop.orders"), a
/// pipeline, either with `*` for any text ("shop.*"), "tag:<tag>", or "state:failed" (the table's last run did not
/// complete it).
struct TableSelection {
  std::vector<std::string> select;  // empty: all
  std::vector<std::string> exclude;
  std::set<std::string> failed;  // identifiers ("shop.orders") that "state:failed" means, see FillStates
};

/// True if the word means the table.
bool Selects(std::string_view word, const config::PipelineConfig& pipeline, const config::TableConfig& table,
             const std::set<std::string>& failed);

/// True if the word may mean no table at all: what failed is none of the project's declarations.
bool MayBeEmpty(std::string_view word);

/// Looks up what "state:" words mean in the history of runs over `lake`; does nothing without such words. `history`:
/// null if none is kept. Errors: kConfig for another state, or without a history.
Status FillStates(state::RunHistory* history, const std::string& lake, TableSelection* selection);

/// E0230: the word of `option` ("--select") names nothing; says what there is.
Status NothingSelected(const config::Project& project, std::string_view option, const std::string& word);

}  // namespace firn::pipeline
