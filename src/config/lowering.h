#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/descriptor.h"
#include "config/project.h"

/// From a checked tree to the typed structs, with everything that takes more than one field to judge.
namespace firn::config {

/// True for what pipelines, tables, environments and tags may be called.
bool IsName(std::string_view name);
inline constexpr std::string_view kNameHelp =
    "begin with a letter or `_`, then letters, digits, `_` and `-`; at most 128";

/// What the steps of lowering share.
struct LoweringContext {
  Checker* checker = nullptr;  // its tree has been checked; findings about meaning go there too
  std::string folder;          // absolute; relative paths are joined to it
  std::string warehouse;       // absolute path, or location in an object store
  std::string raw;             // default folder of raw archives
  bool raw_is_lost = false;    // that folder goes with the machine's disk

  /// Returns a path of the project as an absolute, normal one.
  std::string Absolute(std::string_view path) const;
  Diagnostic& Error(std::string_view code, const std::string& path, std::string message) const;
};

SourceConfig LowerSource(const ObjectView& source, const std::string& path, const LoweringContext& context);
PaginateConfig LowerPaginate(const ObjectView& owner, const std::string& path, const LoweringContext& context);
/// Reads the `auth` at `path`.
AuthConfig LowerAuth(const ObjectView& auth, const std::string& path, const LoweringContext& context);
/// Maps names to values, with the checks that every header or parameter passes. `path`: of the map.
NamedText LowerNamedText(const ObjectView& owner, std::string_view field, const std::string& path,
                         const LoweringContext& context);

/// `source`: of its pipeline, for what it says for its tables.
TableConfig LowerTable(const std::string& name, const ObjectView& table, const std::string& path,
                       const SourceConfig& source, const LoweringContext& context);
/// Reads `checks:`; `path`: of the list. Errors: E0422.
std::vector<CheckConfig> LowerChecks(const ObjectView& table, const std::string& path, bool audit,
                                     const LoweringContext& context);
/// Reads `sort_by`, `statistics` and `maintenance` of the table at `path`. Errors: E0490, E0491.
void LowerLayout(const ObjectView& table, const std::string& path, const LoweringContext& context, TableConfig* out);
/// Reads `bloom_filter` of the column at `path`; nullopt if it has none. Errors: E0491.
std::optional<BloomFilterConfig> LowerBloomFilter(const ObjectView& column, const std::string& path,
                                                  const LoweringContext& context);
/// Judges that tables of one commit are published alike (E0423).
void JudgePublishing(const std::vector<TableConfig>& tables, const LoweringContext& context);
/// Reads what becomes of a column: name, renamed_from, drop, doc, default.
void LowerEvolution(const ObjectView& column, ColumnConfig* out);
/// Judges those against the table (E0428).
void JudgeColumns(const TableConfig& table, const LoweringContext& context);
/// Judges masks, keys, cursor and raw archive of a lowered table against each other.
void JudgeTable(const TableConfig& table, const std::string& mask_key, const LoweringContext& context);
/// Reads the `location` at `path`: a folder, or one of an object store. Errors: E0470.
std::string LowerRawLocation(std::string location, const std::string& path, const LoweringContext& context);
/// Reads `key` and `previous_keys` of the `raw` at `path`. Errors: E0498.
void LowerRawKeys(const ObjectView& raw, const std::string& path, const LoweringContext& context, RawConfig* out);
/// Judges where raw bodies of a table with personal data lie (E0404).
void JudgeRaw(const TableConfig& table, const LoweringContext& context);
/// Says which raw archives of a pipeline are encrypted: all of them if any column is personal data. Its tables share
/// values: children keep their parent's, and two tables may read one path.
void SealArchives(std::vector<TableConfig>* tables);
/// Judges `replace_children` of a table against its parent (E0425).
void JudgeReplacedChildren(const TableConfig& child, const TableConfig& parent, const LoweringContext& context);
/// Judges parents of all tables of a pipeline.
void JudgeParents(const std::vector<TableConfig>& tables, const LoweringContext& context);

/// Reads "day(created_at)", "bucket(16, id)", "id". nullopt if it is none of these; `suggestion` then says what it may
/// be.
std::optional<PartitionConfig> ParsePartition(std::string_view text, std::string* suggestion);
/// Returns the canonical name of a column type ("decimal(12, 2)", "json"), nullopt with a suggestion if it is none.
std::optional<std::string> ParseColumnType(std::string_view text, std::string* suggestion);
/// Reads "404", "4xx" or "500-504" as the first and last status; nullopt if it is none within `lowest` to 599.
std::optional<std::pair<int32_t, int32_t>> ParseStatusRange(std::string_view text, int32_t lowest);
/// Reads a schedule; nullopt if it is none.
std::optional<Schedule> ParseSchedule(std::string_view text);

/// Lowers the whole project. Only meaningful if the checker has no errors afterwards. `environment`: the chosen one.
Project LowerProject(const Node& root, const std::string& folder, const std::string& environment, Checker* checker);

/// Returns the native tree that says what the flat form says; places are those of the flat file.
Node FlatToNative(const Node& flat);
/// True if the tree is the flat form.
bool IsFlat(const Node& root);

}  // namespace firn::config
