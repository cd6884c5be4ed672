#include "config/json_text.h"

#include <nlohmann/json.hpp>

#include "config/value_text.h"

namespace firn::config {
namespace {

using Json = nlohmann::ordered_json;

Json ToJson(const Node& node, bool as_written) {
  if (node.kind == NodeKind::kSequence) {
    Json list = Json::array();
    for (const Node& item : node.items) list.push_back(ToJson(item, as_written));
    return list;
  }
  if (node.kind == NodeKind::kMapping) {
    Json object = Json::object();
    for (const Entry& entry : node.entries) object[entry.key] = ToJson(entry.value, as_written);
    return object;
  }
  if (as_written && (node.interpolated || node.unresolved)) return nullptr;
  switch (KindOf(node)) {
    case ScalarKind::kNull:
      return nullptr;
    case ScalarKind::kBool:
      return *ParseBool(node.text);
    case ScalarKind::kInt:
    case ScalarKind::kFloat: {
      Json number = Json::parse(node.text, nullptr, false);  // "0x10" and ".5" are no JSON numbers: kept as text
      return number.is_discarded() ? Json(node.text) : number;
    }
    case ScalarKind::kText:
      return node.text;
  }
  return node.text;
}

}  // namespace

std::string JsonTextOf(const Node& node) {
  return ToJson(node, false).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string JsonTextAsWritten(const Node& node) {
  return ToJson(node, true).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::config
