#include "connector/foreign/airbyte_settings.h"

#include <algorithm>

namespace firn::connector::foreign {
namespace {

std::string NameOfSteps(const std::vector<std::string>& steps) {
  std::string name;
  for (const std::string& step : steps) name += (name.empty() ? "" : "_") + step;
  return NameOf(name);
}

bool Requires(const Component& schema, const std::string& name) {
  const Value* required = schema.Find("required");
  if (required == nullptr || required->kind() != Value::Kind::kList) return false;
  return std::ranges::any_of(required->as_list(),
                             [&](const Value& item) { return item.is_string() && item.as_string() == name; });
}

// A type may be a list of one and "null".
std::string TypeOf(const Component& schema) {
  const Value* type = schema.Find("type");
  if (type == nullptr) return "string";
  if (type->kind() != Value::Kind::kList) return schema.Text("type");
  for (const Value& item : type->as_list()) {
    if (item.is_string() && item.as_string() != "null") return item.as_string();
  }
  return "string";
}

bool IsScalar(const Value* value) {
  return value != nullptr && (value->is_string() || value->is_number());
}

}  // namespace

std::optional<AirbyteSettings::Property> AirbyteSettings::Find(const std::vector<std::string>& steps) const {
  std::vector<Property> found = {{.schema = specification_, .required = true}};
  for (const std::string& step : steps) {
    std::vector<Property> below;
    for (const Property& property : found) {
      std::vector<Component> schemas = {property.schema};
      for (const char* choice : {"oneOf", "anyOf", "allOf"}) {
        for (const Component& each : property.schema.Children(choice)) schemas.push_back(each);
      }
      for (const Component& schema : schemas) {
        const Component child = schema.Child("properties").Child(step);
        if (child.present()) below.push_back({.schema = child, .required = Requires(schema, step)});
      }
    }
    found = std::move(below);
  }
  if (found.empty()) return std::nullopt;
  return found.front();
}

bool AirbyteSettings::IsOptional(const std::vector<std::string>& steps) const {
  const auto property = Find(steps);
  return property && !property->required;
}

Result<std::string> AirbyteSettings::Take(const std::vector<std::string>& steps, const Use& use) {
  const std::string name = NameOfSteps(steps);
  auto property = Find(steps);
  // What the spec does not know nobody fills in.
  if (!property && use.may_be_empty) property = Property{.schema = Component(), .required = false};
  if (!property) return MakeError(Fault::kConfig, "config `" + name + "`, which is no property of the spec");
  const Component& schema = property->schema;
  const std::string type = TypeOf(schema);
  const bool is_number = type == "integer" || type == "number";
  const bool fits = use.is_list ? type == "array" : type == "string" || (is_number && !use.text_only);
  if (!fits) return MakeError(Fault::kConfig, "config `" + name + "` is of type " + type);
  Setting setting{.name = name,
                  .doc = schema.Text("title", schema.Text("description")),
                  .secret = schema.Flag("airbyte_secret"),
                  .is_list = use.is_list,
                  .otherwise = {}};
  const Value* declared = schema.Find("default");
  const bool has_default =
      use.is_list ? declared != nullptr && declared->kind() == Value::Kind::kList : IsScalar(declared);
  if (has_default) {
    setting.otherwise = use.is_list ? *declared : Value::String(Literal(expression::ToText(*declared)));
  } else if (use.otherwise) {
    setting.otherwise = Value::String(Literal(*use.otherwise));
  } else if (!property->required && use.may_be_empty) {
    setting.otherwise = Value::String("");
  }
  const auto [place, is_new] = taken_.emplace(name, setting);
  if (!is_new && place->second.is_list != use.is_list) {
    return MakeError(Fault::kConfig, "config `" + name + "` is used as a list and as a text");
  }
  // Whoever needs a value makes it required for all.
  if (!setting.otherwise) place->second.otherwise = std::nullopt;
  return SettingText(name);
}

Status AirbyteSettings::Add(const AirbyteSettings& other) {
  for (const auto& [name, setting] : other.taken_) {
    const auto [place, is_new] = taken_.emplace(name, setting);
    if (is_new) continue;
    const bool same =
        place->second.is_list == setting.is_list && (!place->second.otherwise || !setting.otherwise ||
                                                     expression::Equals(*place->second.otherwise, *setting.otherwise));
    if (!same) return MakeError(Fault::kConfig, "config `" + name + "` has another default in another stream");
    if (!setting.otherwise) place->second.otherwise = std::nullopt;
  }
  return Status::OK();
}

}  // namespace firn::connector::foreign
