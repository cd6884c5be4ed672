#include "table/write/row_level_mode.h"

#include <algorithm>

namespace firn::table {
namespace {

Result<std::optional<RequestedRowLevelMode>> ModeOf(const std::map<std::string, std::string>& properties,
                                                    const char* property) {
  const auto found = properties.find(property);
  if (found == properties.end()) return std::nullopt;
  std::string value = found->second;
  std::ranges::transform(value, value.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const bool copies = value == "copy-on-write";
  if (!copies && value != "merge-on-read") {
    return MakeError(Fault::kConfig, std::string("the table property ") + property + " is `" + found->second + "`",
                     {.code = "E0828",
                      .why = "it is copy-on-write or merge-on-read",
                      .state = "nothing was committed",
                      .next = "correct the property, or write `merge_mode:` at the table, which wins"});
  }
  return RequestedRowLevelMode{.mode = copies ? RowLevelMode::kCopyOnWrite : RowLevelMode::kMergeOnRead,
                               .property = property};
}

}  // namespace

Result<std::optional<RequestedRowLevelMode>> RowLevelModeOf(const std::map<std::string, std::string>& properties) {
  ARROW_ASSIGN_OR_RAISE(auto merge, ModeOf(properties, "write.merge.mode"));
  if (merge) return merge;
  ARROW_ASSIGN_OR_RAISE(auto of_deletes, ModeOf(properties, "write.delete.mode"));
  ARROW_ASSIGN_OR_RAISE(auto of_updates, ModeOf(properties, "write.update.mode"));
  if (of_updates && of_updates->mode == RowLevelMode::kCopyOnWrite) return of_updates;
  return of_deletes ? of_deletes : of_updates;
}

}  // namespace firn::table
