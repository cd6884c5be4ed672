#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "config/project.h"
#include "schema/type.h"
#include "table/metadata/metadata.h"
#include "table/write/merge_strategy.h"
#include "table/write/row_level_mode.h"

namespace firn::pipeline {

/// True if rows of the table are compared with those it has: merge, and append without duplicates.
bool ComparesRows(const config::TableConfig& table);

/// The columns that the table's settings add to those of the source, beside the run columns; without ids.
std::vector<schema::Field> SettingColumns(const config::TableConfig& table);
/// The same with those of `system_columns`: all that no source gives.
std::vector<schema::Field> OwnColumns(const config::TableConfig& table);

/// A column that a row must have a value of, else it goes to quarantine.
struct RequiredColumn {
  std::string name;
  std::string role;  // "primary key", "merge key", "sequence"
};

/// What a load is, as far as it bears on how its rows are compared.
struct LoadKind {
  bool rereads = false;     // it reads rows again: those that the table has are not written again
  bool tells_gone = false;  // somebody wants to know which keys are gone
  std::string older_than;   // path of a cursor: a row of the table that is newer by it stays; empty: none does
};

/// How the rows of a table are compared.
struct MergeRules {
  std::vector<std::string> key;      // columns; may be empty for delete_insert
  table::MergeStrategyPtr strategy;  // null: the last row of a key stays
  std::vector<RequiredColumn> required;
};

/// How loads of a table that ComparesRows take rows out of its data files: `merge_mode`, else what the properties of
/// the table ask for. `base`: null if there is no table yet. Errors: kConfig E0828 if the properties are unreadable,
/// E0829 if they ask for copies and the settings need delete files.
Result<table::RowLevelMode> RowLevelModeOf(const config::TableConfig& table, const table::TableMetadata* base,
                                           const MergeRules& rules, const config::Project& project);

/// Binds the settings of a table that ComparesRows to its columns. `now`: when the run began. Errors: kConfig E0820
/// naming a column that no row has.
Result<MergeRules> MergeRulesOf(const config::TableConfig& table, const schema::Schema& schema, Timestamp now,
                                const config::Project& project, const LoadKind& kind = {});

}  // namespace firn::pipeline
