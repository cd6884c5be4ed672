#include "connector/foreign/written_value.h"

#include <algorithm>
#include <memory>

#include "config/yaml_tree.h"

namespace firn::connector::foreign {
namespace {

using expression::Value;
using Kind = WrittenValue::Kind;

WrittenValue FromNode(const config::Node& node) {
  WrittenValue value{.line = node.span.line};
  if (node.kind == config::NodeKind::kMapping) {
    value.kind = Kind::kMap;
    for (const config::Entry& entry : node.entries) value.entries.emplace_back(entry.key, FromNode(entry.value));
  } else if (node.kind == config::NodeKind::kSequence) {
    value.kind = Kind::kList;
    for (const config::Node& item : node.items) value.items.push_back(FromNode(item));
  } else {
    value.text = node.text;
    switch (config::KindOf(node)) {
      case config::ScalarKind::kNull:
        value.kind = Kind::kNull;
        break;
      case config::ScalarKind::kBool:
        value.kind = Kind::kBool;
        value.text = node.text == "true" || node.text == "True" || node.text == "TRUE" ? "True" : "False";
        break;
      case config::ScalarKind::kInt:
      case config::ScalarKind::kFloat:
        value.kind = Kind::kNumber;
        break;
      case config::ScalarKind::kText:
        value.kind = Kind::kString;
        break;
    }
  }
  return value;
}

}  // namespace

const WrittenValue* WrittenValue::Find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name == key) return &value;
  }
  return nullptr;
}

Status WrittenError(uint32_t line, const std::string& what) {
  return MakeError(Fault::kConfig, "line " + std::to_string(line) + ": " + what,
                   {.code = "E0558",
                    .where = "",
                    .why = "",
                    .state = "nothing was written",
                    .next = "docs/guide/importing.md says what is read"});
}

Status RefuseOtherKeys(const WrittenValue& map, const std::string& what,
                       std::initializer_list<std::string_view> known) {
  for (const auto& [key, value] : map.entries) {
    if (value.kind == Kind::kNull || std::ranges::find(known, key) != known.end()) continue;
    return WrittenError(value.line, "`" + key + "` of " + what);
  }
  return Status::OK();
}

const WrittenValue* Given(const WrittenValue& map, std::string_view key) {
  const WrittenValue* value = map.Find(key);
  return value == nullptr || value->kind == Kind::kNull ? nullptr : value;
}

Result<Value> JsonOf(const WrittenValue& value, const std::function<Result<Value>(const WrittenValue& text)>& said) {
  switch (value.kind) {
    case Kind::kMap: {
      expression::Map map;
      for (const auto& [key, item] : value.entries) {
        ARROW_ASSIGN_OR_RAISE(Value json, JsonOf(item, said));
        map.emplace_back(key, std::move(json));
      }
      return Value::OfMap(std::move(map));
    }
    case Kind::kList: {
      expression::List list;
      for (const WrittenValue& item : value.items) {
        ARROW_ASSIGN_OR_RAISE(Value json, JsonOf(item, said));
        list.push_back(std::move(json));
      }
      return Value::OfList(std::move(list));
    }
    case Kind::kNull:
      return Value::Null();
    case Kind::kBool:
      return Value::Bool(value.text == "True");
    case Kind::kNumber:
      return Value::NumberText(value.text);
    default:
      return said(value);
  }
}

Result<WrittenValue> ReadYaml(const std::string& text, const std::string& name) {
  config::Diagnostics diagnostics;
  const auto file = std::make_shared<const config::SourceFile>(config::SourceFile{.name = name, .text = text});
  const auto root = config::ParseYaml(file, &diagnostics);
  if (!root) return diagnostics.ToStatus();
  return FromNode(*root);
}

}  // namespace firn::connector::foreign
