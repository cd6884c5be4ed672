#include "table/metadata/json_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "table/metadata/metadata_json.h"

namespace firn::table {
namespace {

// Returns false if brackets outside of strings nest deeper than the limit. A scan before parsing, because a tree of any
// depth can be parsed but not walked by recursion.
bool ShallowEnough(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > kJsonDepthMax) return false;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return true;
}

std::string TypeName(const Json& json) {
  return json.type_name();
}

Result<int64_t> ToLong(const Json& json, const std::string& place) {
  if (!json.is_number_integer()) {
    return MakeError(Fault::kBadData, place + ": expected an integer, found " + TypeName(json));
  }
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return MakeError(Fault::kBadData, place + ": integer out of range");
  }
  return json.get<int64_t>();
}

Result<int32_t> ToInt(const Json& json, const std::string& place) {
  ARROW_ASSIGN_OR_RAISE(const int64_t value, ToLong(json, place));
  if (value < std::numeric_limits<int32_t>::min() || value > std::numeric_limits<int32_t>::max()) {
    return MakeError(Fault::kBadData, place + ": int out of range");
  }
  return static_cast<int32_t>(value);
}

Result<std::string> ToText(const Json& json, const std::string& place) {
  if (!json.is_string()) return MakeError(Fault::kBadData, place + ": expected a string, found " + TypeName(json));
  return json.get<std::string>();
}

template <typename T, typename Convert>
Result<std::vector<T>> ToVector(const Json& array, const std::string& place, Convert convert) {
  std::vector<T> values;
  values.reserve(array.size());
  for (const Json& element : array) {
    ARROW_ASSIGN_OR_RAISE(T value, convert(element, place + "[" + std::to_string(values.size()) + "]"));
    values.push_back(std::move(value));
  }
  return values;
}

}  // namespace

Result<Json> ParseJson(std::string_view text, std::string_view what) {
  if (static_cast<int64_t>(text.size()) > kMetadataBytesMax) {
    return MakeError(Fault::kBadData, std::string(what) + ": larger than the limit: " + std::to_string(text.size()) +
                                          " > " + std::to_string(kMetadataBytesMax) + " bytes");
  }
  if (!ShallowEnough(text)) {
    return MakeError(Fault::kBadData,
                     std::string(what) + ": nested deeper than " + std::to_string(kJsonDepthMax) + " levels");
  }
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return MakeError(Fault::kBadData, std::string(what) + ": not valid JSON");
  return json;
}

Result<JsonObject> JsonObject::Of(const Json& json, std::string place) {
  if (!json.is_object()) return MakeError(Fault::kBadData, place + ": expected an object, found " + TypeName(json));
  return JsonObject(json, std::move(place));
}

Status JsonObject::Bad(const char* key, std::string_view problem) const {
  return MakeError(Fault::kBadData, Place(key) + ": " + std::string(problem));
}

const Json* JsonObject::Find(const char* key) const {
  const auto found = json_->find(key);
  return found == json_->end() || found->is_null() ? nullptr : &*found;
}

Result<const Json*> JsonObject::Get(const char* key) const {
  const Json* value = Find(key);
  if (value == nullptr) return Bad(key, "required, but missing");
  return value;
}

Result<int32_t> JsonObject::Int(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Get(key));
  return ToInt(*value, Place(key));
}

Result<int64_t> JsonObject::Long(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Get(key));
  return ToLong(*value, Place(key));
}

Result<bool> JsonObject::Bool(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Get(key));
  if (!value->is_boolean()) return Bad(key, "expected a boolean, found " + TypeName(*value));
  return value->get<bool>();
}

Result<std::string> JsonObject::String(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* value, Get(key));
  return ToText(*value, Place(key));
}

Result<std::optional<int32_t>> JsonObject::OptionalInt(const char* key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const int32_t number, ToInt(*value, Place(key)));
  return number;
}

Result<std::optional<int64_t>> JsonObject::OptionalLong(const char* key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const int64_t number, ToLong(*value, Place(key)));
  return number;
}

Result<std::optional<std::string>> JsonObject::OptionalString(const char* key) const {
  const Json* value = Find(key);
  if (value == nullptr) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(std::string text, ToText(*value, Place(key)));
  return text;
}

Result<const Json*> JsonObject::Array(const char* key, bool required) const {
  const Json* value = Find(key);
  if (value == nullptr && required) return Bad(key, "required, but missing");
  if (value != nullptr && !value->is_array()) return Bad(key, "expected an array, found " + TypeName(*value));
  return value;
}

Result<std::vector<int32_t>> JsonObject::Ints(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* array, Array(key, false));
  if (array == nullptr) return std::vector<int32_t>();
  return ToVector<int32_t>(*array, Place(key), ToInt);
}

Result<std::vector<int64_t>> JsonObject::Longs(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* array, Array(key, false));
  if (array == nullptr) return std::vector<int64_t>();
  return ToVector<int64_t>(*array, Place(key), ToLong);
}

Result<std::vector<std::string>> JsonObject::Strings(const char* key) const {
  ARROW_ASSIGN_OR_RAISE(const Json* array, Array(key, false));
  if (array == nullptr) return std::vector<std::string>();
  return ToVector<std::string>(*array, Place(key), ToText);
}

Result<std::map<std::string, std::string>> JsonObject::StringMap(const char* key) const {
  std::map<std::string, std::string> map;
  const Json* value = Find(key);
  if (value == nullptr) return map;
  if (!value->is_object()) return Bad(key, "expected an object, found " + TypeName(*value));
  for (const auto& [name, text] : value->items()) {
    ARROW_ASSIGN_OR_RAISE(map[name], ToText(text, Place(key) + " (a value)"));
  }
  return map;
}

std::map<std::string, std::string> JsonObject::Others(std::initializer_list<std::string_view> known) const {
  std::map<std::string, std::string> others;
  for (const auto& [key, value] : json_->items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      others.emplace(key, value.dump(-1, ' ', false, Json::error_handler_t::replace));
    }
  }
  return others;
}

}  // namespace firn::table
