#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "config/project.h"
#include "pipeline/column_naming.h"
#include "pipeline/reader_options.h"
#include "table/commit/schema_change.h"
#include "table/metadata/metadata.h"

/// What the configuration makes of the columns of a table that exists already. Pure.
namespace firn::pipeline {

/// A table as its next commit will have it.
struct ConfiguredSchema {
  /// The metadata with format version and columns as configured; `base` itself if nothing changes.
  std::shared_ptr<const table::TableMetadata> table;
  bool changed = false;                           // columns differ: the commit must say so
  std::map<std::string, std::string> properties;  // to be set with it
  std::vector<std::string> changes;               // "~ column total renamed to amount", in the order they are made
};

/// Applies `columns: {c: {name, renamed_from, drop, type, doc, default}}` and `format_version`: what is not as it says
/// changes, everything else stays. `types`: of the load to come; rows that take theirs anew may have any.
/// Errors: kConfig, E0931, for a change that is not safe, E0933, for a type that the column can neither have nor hold;
/// kContract, E0609, if schema_contract freezes the columns.
Result<ConfiguredSchema> ConfigureSchema(const config::Project& project, const config::PipelineConfig& pipeline,
                                         const config::TableConfig& config,
                                         std::shared_ptr<const table::TableMetadata> base,
                                         RowTypes types = RowTypes::kOfTable);

/// The columns of a table to be created, with docs and defaults. `schema`: of its first rows, with ids. Errors: as
/// above.
Result<schema::Schema> ConfigureNewSchema(const config::Project& project, const config::PipelineConfig& pipeline,
                                          const config::TableConfig& config, const schema::Schema& schema,
                                          int32_t format_version);

/// What the configuration calls columns otherwise than the source and `naming` do.
ChosenNames NamesOf(const config::TableConfig& config);

/// The source keys of which each value occurs once in the table; none if rows are not merged so.
std::vector<std::string> KeysOf(const config::TableConfig& config);

/// The source paths that no column is made for: those of `drop: true`, and those dropped by `firn table alter`.
std::vector<std::string> IgnoredPaths(const config::TableConfig& config, const table::TableMetadata* base);

/// Errors: kContract, E0932, if rows still have a key that the configuration says was renamed. `schema`: of the rows;
/// `base`: of the table before them, null: new.
Status CheckRenamedKeys(const config::Project& project, const config::TableConfig& config, const schema::Schema& schema,
                        const schema::Schema* base);

}  // namespace firn::pipeline
