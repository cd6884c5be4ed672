#include "config/lowering.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

Diagnostic& Error(const LoweringContext& context, const std::string& path, std::string message) {
  return context.Error("E0428", path, std::move(message));
}

std::string At(const TableConfig& table, const ColumnConfig& column, const char* field) {
  return table.config_path + ".columns." + column.path + "." + field;
}

bool IsTopLevel(const std::string& path) {
  return path.find('.') == std::string::npos;
}

void JudgeDrop(const TableConfig& table, const ColumnConfig& column, const LoweringContext& context) {
  const std::string at = At(table, column, "drop");
  const auto needs = [&](const std::string& path) {
    return path == column.path || path.starts_with(column.path + ".");
  };
  for (const std::string& key : table.primary_key) {
    if (needs(key)) Error(context, at, "`" + column.path + "` is part of the primary key and cannot be dropped");
  }
  std::vector<std::string> compared = table.merge.merge_key;
  compared.push_back(table.merge.sequence_by);
  if (table.dedupe) compared.insert(compared.end(), table.dedupe->key.begin(), table.dedupe->key.end());
  for (const std::string& path : compared) {
    if (!path.empty() && needs(path))
      Error(context, at, "rows are compared by `" + column.path + "`, which is dropped");
  }
  for (const PartitionConfig& partition : table.partition_by) {
    if (needs(partition.column)) Error(context, at, "`partition_by` names `" + column.path + "`, which is dropped");
  }
  if (!column.name.empty() || !column.renamed_from.empty() || !column.type.empty() || column.default_text) {
    Error(context, at, "`" + column.path + "` is dropped, and declared as if it stayed").help =
        "leave the other settings out, or `drop`";
  }
}

void JudgeNames(const TableConfig& table, const ColumnConfig& column, const LoweringContext& context) {
  for (const ColumnConfig& other : table.columns) {
    if (&other == &column) break;
    if (!column.name.empty() && other.name == column.name && IsTopLevel(other.path) == IsTopLevel(column.path)) {
      Error(context, At(table, column, "name"), "two columns would be called `" + column.name + "`");
    }
  }
  if (column.renamed_from.empty()) return;
  const std::string at = At(table, column, "renamed_from");
  const size_t dot = column.path.rfind('.'), from_dot = column.renamed_from.rfind('.');
  const auto parent = [](const std::string& path, size_t end) {
    return end == std::string::npos ? std::string() : path.substr(0, end);
  };
  if (column.renamed_from == column.path) {
    Error(context, at, "`renamed_from` names the column itself");
    return;
  }
  if (parent(column.path, dot) != parent(column.renamed_from, from_dot)) {
    Error(context, at, "a column cannot move into another object: `" + column.renamed_from + "`").help =
        "write both paths with the same object before the last dot";
  }
  if (table.FindColumn(column.renamed_from) != nullptr) {
    Error(context, at, "`" + column.renamed_from + "` is declared under `columns` too").help =
        "what was called so is `" + column.path + "` now; remove the other entry";
  }
}

void JudgeDefault(const TableConfig& table, const ColumnConfig& column, const LoweringContext& context) {
  const std::string at = At(table, column, "default");
  if (table.format_version.value_or(2) < 3) {
    Error(context, at, "default values need format version 3").help = "add `format_version: 3` to the table";
  }
  if (column.type.empty() || column.type == "json" || column.type == "map") {
    Error(context, at, "a default needs a plain `type`").help =
        "declare the column's type: {type: string, default: EUR}";
  }
  if (!IsTopLevel(column.path)) Error(context, at, "only columns of the row have defaults, not fields of an object");
  if (column.mask_on_write != WriteMask::kNone) Error(context, at, "a masked column has no default");
}

}  // namespace

void LowerEvolution(const ObjectView& view, ColumnConfig* column) {
  column->name = view.Text("name");
  column->renamed_from = view.Text("renamed_from");
  column->drop = view.Bool("drop");
  if (view.Has("doc")) column->doc = view.Text("doc");
  if (view.Has("default")) column->default_text = view.Text("default");
}

void JudgeColumns(const TableConfig& table, const LoweringContext& context) {
  for (const ColumnConfig& column : table.columns) {
    if (column.drop) JudgeDrop(table, column, context);
    JudgeNames(table, column, context);
    if (column.default_text) JudgeDefault(table, column, context);
    if (column.doc && column.doc->starts_with("firn:")) {
      Error(context, At(table, column, "doc"), "a doc cannot begin with `firn:`").help =
          "firn keeps notes of its own there";
    }
    const int32_t version = column.type == "timestamp_ns" || column.type == "timestamptz_ns" ? 3 : 2;
    if (table.format_version.value_or(2) < version) {
      Error(context, At(table, column, "type"), "`" + column.type + "` needs format version 3").help =
          "add `format_version: 3` to the table";
    }
  }
}

}  // namespace firn::config
