#include "table/commit/name_mapping.h"

#include <functional>
#include <nlohmann/json.hpp>

namespace firn::table {
namespace {

using Json = nlohmann::ordered_json;

int32_t IdOf(const Json& entry) {
  const auto id = entry.find("field-id");
  return id != entry.end() && id->is_number_integer() ? id->get<int32_t>() : 0;
}

void TakeNameFrom(Json& entry, const std::string& name) {
  if (!entry.is_object() || !entry.contains("names") || !entry["names"].is_array()) return;
  Json kept = Json::array();
  for (const Json& known : entry["names"]) {
    if (known != name) kept.push_back(known);
  }
  entry["names"] = std::move(kept);
}

// The list of fields that has an entry of that id, or null.
Json* LevelOf(Json& fields, int32_t id) {
  if (!fields.is_array()) return nullptr;
  for (Json& entry : fields) {
    if (!entry.is_object()) continue;
    if (IdOf(entry) == id) return &fields;
    if (!entry.contains("fields")) continue;
    if (Json* found = LevelOf(entry["fields"], id)) return found;
  }
  return nullptr;
}

Json EntryOf(const schema::Field& field) {
  Json entry = {{"field-id", field.id}, {"names", {field.name}}};
  for (const schema::Field& child : field.type->children) entry["fields"].push_back(EntryOf(child));
  return entry;
}

std::string Changed(const std::string& mapping, const std::function<bool(Json&)>& change) {
  if (mapping.empty()) return mapping;
  Json tree = Json::parse(mapping, nullptr, /*allow_exceptions=*/false);
  if (!tree.is_array() || !change(tree)) return mapping;
  return tree.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string NameMappingWithName(const std::string& mapping, int32_t field_id, const std::string& name) {
  return Changed(mapping, [&](Json& tree) {
    Json* level = LevelOf(tree, field_id);
    if (level == nullptr) return false;
    for (Json& entry : *level) {
      TakeNameFrom(entry, name);
      if (entry.is_object() && IdOf(entry) == field_id) entry["names"].push_back(name);
    }
    return true;
  });
}

std::string NameMappingWithColumn(const std::string& mapping, int32_t parent_id, const schema::Field& field) {
  return Changed(mapping, [&](Json& tree) {
    Json* fields = &tree;
    if (parent_id != 0) {
      Json* level = LevelOf(tree, parent_id);
      if (level == nullptr) return false;
      for (Json& entry : *level) {
        if (entry.is_object() && IdOf(entry) == parent_id) fields = &entry["fields"];
      }
    }
    for (Json& entry : *fields) TakeNameFrom(entry, field.name);
    fields->push_back(EntryOf(field));
    return true;
  });
}

}  // namespace firn::table
