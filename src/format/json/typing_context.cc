#include "format/json/typing_context.h"

#include "expression/datetime.h"
#include "format/json/record_path.h"
#include "format/json/time_parse.h"

namespace firn::format::json {
namespace {

Status CheckHint(const ColumnHint& hint) {
  if (hint.as_json && (hint.as_map || hint.type)) {
    return MakeError(Fault::kConfig, "a column is declared as json and as something else: " + hint.path);
  }
  if (hint.type && hint.type->is_nested()) {
    return MakeError(Fault::kConfig, "only plain types, json and map can be declared: " + hint.path);
  }
  if (!hint.timezone.empty() && !ParseOffset(hint.timezone)) {
    if (const Status zone = expression::CheckZone(hint.timezone); !zone.ok()) return Within(hint.path, zone);
  }
  return Status::OK();
}

}  // namespace

Result<HintTree> HintTree::Make(const std::vector<ColumnHint>& hints) {
  HintTree root;
  for (const ColumnHint& hint : hints) {
    const std::vector<std::string> path = SplitPath(hint.path);
    if (path.empty()) return MakeError(Fault::kConfig, "a declared column has an empty path");
    ARROW_RETURN_NOT_OK(CheckHint(hint));
    HintTree* node = &root;
    for (const std::string& key : path) {
      if (key == "*") continue;
      auto* next = const_cast<HintTree*>(node->Child(key));
      if (!next) next = node->children_.emplace_back(key, std::make_unique<HintTree>()).second.get();
      node = next;
    }
    node->hint_ = hint;
  }
  return root;
}

const HintTree* HintTree::Child(std::string_view key) const {
  for (const auto& [name, child] : children_) {
    if (name == key) return child.get();
  }
  return nullptr;
}

bool IsReservedName(std::string_view name) {
  return name.starts_with("_firn_") || name == "_op" || name == "_sequence" || name == "_unchanged" ||
         name == "_old_key" || name == "_file" || name == "_pos" || name == "_deleted" || name == "_spec_id" ||
         name == "_partition" || name == "_row_id" || name == "_last_updated_sequence_number";
}

}  // namespace firn::format::json
