#include "server/catalog/json.h"

#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

constexpr int kDepthMax = 100;

std::string Named(const char* key, const char* problem) {
  return std::string("Invalid request: ") + key + " " + problem;
}

}  // namespace

Result<Json> ParseObject(std::string_view body) {
  bool too_deep = false;
  const auto watch = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kDepthMax;
    return depth <= kDepthMax;
  };
  Json json = Json::parse(body.begin(), body.end(), watch, /*allow_exceptions=*/false);
  if (too_deep) return BadRequest("Invalid request: nested too deep");
  if (!json.is_object()) return BadRequest("Invalid request: the body must be a JSON object");
  return json;
}

const Json* FindIn(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> Required(const Json& object, const char* key) {
  const Json* value = object.is_object() ? FindIn(object, key) : nullptr;
  if (value == nullptr) return BadRequest(Named(key, "is missing"));
  return value;
}

Result<std::string> RequiredText(const Json& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Required(object, key));
  if (!value->is_string()) return BadRequest(Named(key, "must be a string"));
  return value->get<std::string>();
}

Result<std::optional<std::string>> OptionalText(const Json& object, const char* key) {
  const Json* value = FindIn(object, key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) return BadRequest(Named(key, "must be a string"));
  return value->get<std::string>();
}

Result<bool> OptionalFlag(const Json& object, const char* key, bool otherwise) {
  const Json* value = FindIn(object, key);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) return BadRequest(Named(key, "must be true or false"));
  return value->get<bool>();
}

Result<int64_t> RequiredInteger(const Json& object, const char* key) {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Required(object, key));
  if (!value->is_number_integer()) return BadRequest(Named(key, "must be an integer"));
  return value->get<int64_t>();
}

Result<std::map<std::string, std::string>> TextMap(const Json& object, const char* key) {
  std::map<std::string, std::string> map;
  const Json* value = FindIn(object, key);
  if (value == nullptr) return map;
  if (!value->is_object()) return BadRequest(Named(key, "must be an object of strings"));
  for (const auto& [name, text] : value->items()) {
    if (!text.is_string()) return BadRequest(Named(key, "must be an object of strings"));
    map[name] = text.get<std::string>();
  }
  return map;
}

Result<std::vector<std::string>> TextList(const Json& object, const char* key) {
  std::vector<std::string> list;
  ARROW_ASSIGN_OR_RAISE(const Json* value, ArrayIn(object, key));
  if (value == nullptr) return list;
  for (const Json& text : *value) {
    if (!text.is_string()) return BadRequest(Named(key, "must be a list of strings"));
    list.push_back(text.get<std::string>());
  }
  return list;
}

Result<const Json*> ArrayIn(const Json& object, const char* key) {
  const Json* value = FindIn(object, key);
  if (value != nullptr && !value->is_array()) return BadRequest(Named(key, "must be a list"));
  return value;
}

std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace firn::server
