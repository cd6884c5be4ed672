#include "config/relation.h"

#include <algorithm>

#include "config/lowering.h"
#include "config/text_position.h"

namespace firn::config {

std::vector<std::pair<std::string, std::string>> RelationOf(const TableConfig& child, const TableConfig& parent) {
  std::vector<std::pair<std::string, std::string>> relation;
  for (const std::string& key : parent.primary_key) {
    const auto same = [&](const auto& column) { return column.second == "parent." + key; };
    const auto column = std::ranges::find_if(child.include, same);
    if (column == child.include.end()) return {};
    relation.emplace_back(column->first, key);
  }
  return relation;
}

void JudgeReplacedChildren(const TableConfig& child, const TableConfig& parent, const LoweringContext& context) {
  if (!child.replace_children) return;
  const auto refuse = [&](const std::string& message, std::string help) {
    context.Error("E0425", child.config_path + ".replace_children", "`replace_children` " + message).help =
        std::move(help);
  };
  const bool by_key = child.write_disposition == WriteDisposition::kMerge &&
                      (child.merge.strategy == MergeStrategy::kUpsert || child.merge.strategy == MergeStrategy::kScd2);
  if (!by_key) {
    refuse("goes with `write_disposition: merge`, strategy upsert or scd2",
           "add a `primary_key`; a table without one that is asked for whole each time is a `replace`");
  } else if (parent.primary_key.empty()) {
    refuse("needs a `primary_key` of `" + Shown(parent.name) + "`, by which a parent row is known again",
           "add `primary_key: id` there");
  } else if (RelationOf(child, parent).empty()) {
    refuse("needs the primary_key of `" + Shown(parent.name) + "` in each row",
           "add it to `include`, for example `include: {" + Shown(parent.name) + "_id: parent." +
               Shown(parent.primary_key.front()) + "}`");
  } else if (parent.write_disposition == WriteDisposition::kReplace) {
    refuse("does not go with a parent that is replaced: which of its rows are gone is not known then",
           "write `write_disposition: merge` and `deletes: missing` at `" + Shown(parent.name) + "`");
  } else if (parent.merge.strategy == MergeStrategy::kDeleteInsert || parent.merge.mode == MergeMode::kCopyOnWrite) {
    refuse("goes with a parent of `merge_strategy: upsert`, `scd2` or `insert_only` and `merge_mode: merge_on_read`",
           "write `merge_strategy: upsert` at `" + Shown(parent.name) + "`");
  }
}

}  // namespace firn::config
