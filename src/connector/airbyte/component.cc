#include "connector/airbyte/component.h"

#include <algorithm>
#include <memory>

namespace firn::connector::airbyte {

const Value* FindKey(const Map& map, std::string_view key) {
  for (const auto& [name, value] : map) {
    if (name == key) return &value;
  }
  return nullptr;
}

void SetKey(Map& map, std::string_view key, Value value) {
  for (auto& [name, old] : map) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  map.emplace_back(std::string(key), std::move(value));
}

bool EraseKey(Map& map, std::string_view key) {
  const auto found = std::find_if(map.begin(), map.end(), [&](const auto& entry) { return entry.first == key; });
  if (found == map.end()) return false;
  map.erase(found);
  return true;
}

Value MapOf(Map entries) {
  return Value::OfMap(std::move(entries));
}

const Value* Component::Find(std::string_view field) const {
  const Value* found = value_.Find(field);
  return found == nullptr || found->is_null() ? nullptr : found;
}

std::string Component::Text(std::string_view field, std::string otherwise) const {
  const Value* found = Find(field);
  if (found == nullptr) return otherwise;
  if (found->kind() == Value::Kind::kBool) return found->as_bool() ? "True" : "False";
  return expression::ToText(*found);
}

bool Component::Flag(std::string_view field, bool otherwise) const {
  const Value* found = Find(field);
  if (found == nullptr) return otherwise;
  if (found->is_string()) return found->as_string() == "true" || found->as_string() == "True";
  return expression::Truthy(*found);
}

std::optional<int64_t> Component::Integer(std::string_view field) const {
  const Value* found = Find(field);
  if (found == nullptr) return std::nullopt;
  if (found->kind() == Value::Kind::kInt) return found->as_int();
  if (!found->is_string()) return std::nullopt;
  const Value number = Value::NumberText(found->as_string());
  return number.kind() == Value::Kind::kInt ? std::optional<int64_t>(number.as_int()) : std::nullopt;
}

Component Component::Child(std::string_view field) const {
  const Value* found = Find(field);
  const std::string path = path_.empty() ? std::string(field) : path_ + "." + std::string(field);
  return found == nullptr || found->kind() != Value::Kind::kMap ? Component({}, path) : Component(*found, path);
}

std::vector<Component> Component::Children(std::string_view field) const {
  const Value* found = Find(field);
  if (found == nullptr) return {};
  if (found->kind() == Value::Kind::kMap) return {Child(field)};
  std::vector<Component> children;
  if (found->kind() != Value::Kind::kList) return children;
  const List& items = found->as_list();
  for (size_t i = 0; i < items.size(); ++i) {
    children.emplace_back(items[i],
                          (path_.empty() ? "" : path_ + ".") + std::string(field) + "[" + std::to_string(i) + "]");
  }
  return children;
}

Value Component::Parameters() const {
  const Value* found = Find("$parameters");
  return found == nullptr || found->kind() != Value::Kind::kMap ? MapOf({}) : *found;
}

Status ManifestError(const Component& component, std::string_view message) {
  return MakeError(Fault::kConfig, std::string(message),
                   {.code = "", .where = component.path(), .why = "", .state = "", .next = ""});
}

bool IsCustom(const Component& component) {
  return component.type().starts_with("Custom") || (component.Has("class_name") && component.type().empty());
}

}  // namespace firn::connector::airbyte
