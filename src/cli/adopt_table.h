#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "cli/table_choice.h"

namespace firn::cli {

class App;

/// What the command line of `firn table adopt` says.
struct AdoptOptions {
  std::string metadata;  // file of a table in another catalog; empty: it is in the lake's
  std::optional<std::string> start;
  bool from_scratch = false;
  bool accept_duplicates = false;
  bool accept_gap = false;
  bool offline = false;
  bool dry_run = false;
  bool json = false;
};

/// What `firn table adopt` does to one table. Errors: see pipeline::PlanAdoption.
Status AdoptTable(App& app, const TableChoice& choice, const AdoptOptions& options);

}  // namespace firn::cli
