#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/descriptor.h"
#include "config/project.h"

/// From a checked tree to the typed structs, with everything that takes more than one field to judge.
namespace firn::config {

/// What the steps of lowering share.
struct LoweringContext {
  Checker* checker = nullptr;  // its tree has been checked; findings about meaning go there too
  std::string folder;          // absolute; relative paths are joined to it
  std::string warehouse;       // absolute

  /// Returns a path of the project as an absolute, normal one.
  std::string Absolute(std::string_view path) const;
  Diagnostic& Error(std::string_view code, const std::string& path, std::string message) const;
};

SourceConfig LowerSource(const ObjectView& source, const std::string& path, const LoweringContext& context);
PaginateConfig LowerPaginate(const ObjectView& owner, const std::string& path, const LoweringContext& context);
/// Maps names to values, with the checks that every header or parameter passes. `path`: of the map.
NamedText LowerNamedText(const ObjectView& owner, std::string_view field, const std::string& path,
                         const LoweringContext& context);

/// `defaults`: what the source says for its tables.
TableConfig LowerTable(const std::string& name, const ObjectView& table, const std::string& path,
                       const RestSourceConfig& defaults, const LoweringContext& context);
/// Judges masks, keys, cursor and raw archive of a lowered table against each other.
void JudgeTable(const TableConfig& table, const std::string& mask_key, const LoweringContext& context);
/// Judges parents of all tables of a pipeline.
void JudgeParents(const std::vector<TableConfig>& tables, const LoweringContext& context);

/// Reads "day(created_at)", "bucket(16, id)", "id". nullopt if it is none of these; `suggestion` then says what it may
/// be.
std::optional<PartitionConfig> ParsePartition(std::string_view text, std::string* suggestion);
/// Returns the canonical name of a column type ("decimal(12, 2)", "json"), nullopt with a suggestion if it is none.
std::optional<std::string> ParseColumnType(std::string_view text, std::string* suggestion);
/// Reads a schedule; nullopt if it is none.
std::optional<Schedule> ParseSchedule(std::string_view text);

/// Lowers the whole project. Only meaningful if the checker has no errors afterwards.
Project LowerProject(const Node& root, const std::string& folder, Checker* checker);

/// Returns the native tree that says what the flat form says; places are those of the flat file.
Node FlatToNative(const Node& flat);
/// True if the tree is the flat form.
bool IsFlat(const Node& root);

}  // namespace firn::config
