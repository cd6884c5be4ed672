#include <algorithm>

#include "config/lowering.h"
#include "config/text_position.h"
#include "io/object_location.h"
#include "io/raw_key.h"

namespace firn::config {
namespace {

bool IsSensitive(const ColumnConfig& column) {
  return !column.pii.empty() || column.mask_on_write != WriteMask::kNone;
}

void JudgeKey(const Node& node, const std::string& at, const LoweringContext& context) {
  if (node.unresolved) return;
  const auto key = io::ParseRawKey(node.text);
  if (!key.ok()) context.Error("E0498", at, key.status().message()).help = "make one by: openssl rand -hex 32";
}

}  // namespace

std::string LowerRawLocation(std::string location, const std::string& path, const LoweringContext& context) {
  if (location.starts_with("file://")) location.erase(0, 7);
  if (location.find("://") == std::string::npos) return context.Absolute(location);
  while (location.ends_with('/')) location.pop_back();
  const Status usable = io::CheckNewObjectLocation(location);
  if (usable.ok()) return location;
  const ErrorContext* why = ContextOf(usable);
  context.Error("E0470", path, usable.message()).help =
      why != nullptr && !why->next.empty() ? why->next : "write `s3://<bucket>/<prefix>`, or a folder";
  return location;
}

void LowerRawKeys(const ObjectView& raw, const std::string& path, const LoweringContext& context, RawConfig* out) {
  if (const Node* key = raw.Find("key")) {
    JudgeKey(*key, path + ".key", context);
    out->key = raw.Text("key");
    out->sealed = true;
  }
  const Node* previous = raw.Find("previous_keys");
  if (previous == nullptr) return;
  if (previous->kind == NodeKind::kScalar) JudgeKey(*previous, path + ".previous_keys", context);
  for (size_t i = 0; i < previous->items.size(); ++i) {
    JudgeKey(previous->items[i], path + ".previous_keys." + std::to_string(i), context);
  }
  out->previous_keys = raw.TextList("previous_keys");
}

void SealArchives(std::vector<TableConfig>* tables) {
  const auto any = std::ranges::any_of(
      *tables, [](const TableConfig& table) { return std::ranges::any_of(table.columns, IsSensitive); });
  for (TableConfig& table : *tables) table.raw.sealed |= any;
}

void JudgeRaw(const TableConfig& table, const LoweringContext& context) {
  if (table.raw.mode != RawConfig::Mode::kArchive) return;
  const bool inside =
      table.raw.location == context.warehouse || table.raw.location.starts_with(context.warehouse + "/");
  const auto sensitive = std::ranges::find_if(table.columns, IsSensitive);
  if (!inside || sensitive == table.columns.end()) return;
  Diagnostic& diagnostic = context.Error(
      "E0404", table.config_path + ".raw.location",
      "the raw archive lies inside the warehouse, and column `" + Shown(sensitive->path) + "` is personal data");
  diagnostic.notes.push_back(
      {"the column is declared here", context.checker->SpanOf(table.config_path + ".columns." + sensitive->path)});
  diagnostic.help = "choose a location outside the warehouse, or write `raw: off`";
}

}  // namespace firn::config
