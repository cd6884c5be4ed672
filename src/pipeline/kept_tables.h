#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "state/run_history.h"

/// Tables that the project loaded and names no longer: they stay, and plan and status say so.
namespace firn::pipeline {

struct KeptTable {
  std::string identifier;
  std::string pipeline;  // that loaded it
  std::string table;     // what it was called there
  std::string now;       // the identifier by the configuration, if only the dataset changed; else empty
};

/// What there is to say about it, and what to do: "firn table rename shop.orders store.orders" of one that moved.
std::string KeptText(const KeptTable& kept);
std::string KeptNext(const KeptTable& kept);

/// Finds them by the run history of this lake and environment and, where that was lost, by the streams in tables of the
/// project's datasets. `history` may be null. Sorted. What cannot be read is left out; nothing is changed.
std::vector<KeptTable> FindKeptTables(const config::Project& project, state::RunHistory* history,
                                      catalog::Catalog& catalog);

/// True for a table that no pipeline names, though runs of this environment loaded it. By history alone.
bool IsUnnamed(const config::Project& project, const state::TableStatus& status, state::RunHistory& history);

}  // namespace firn::pipeline
