#include "source/airbyte/config_changes.h"

#include "source/airbyte/dpath.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

Path TextPath(const expression::Value& value) {
  Path path;
  if (value.kind() != expression::Value::Kind::kList) return path;
  for (const auto& step : value.as_list()) path.push_back(expression::ToText(step));
  return path;
}

Result<bool> Holds(const Component& component, const RunContext& run, const Value& config) {
  if (!component.Has("condition")) return true;
  ARROW_ASSIGN_OR_RAISE(const auto condition, InterpolatedField(component, "condition"));
  Scope scope(run.clock);
  scope.Set("config", config);
  return condition.EvalCondition(scope);
}

uint32_t TypesOf(const std::string& name) {
  if (name == "string") return jinja::kStringType;
  if (name == "number") return jinja::kFloatType;
  if (name == "integer") return jinja::kIntType;
  return name == "boolean" ? jinja::kBoolType : jinja::kAnyType;
}

Result<Value> AddFields(const Component& component, const RunContext& run, Value config) {
  for (const Component& field : component.Children("fields")) {
    ARROW_ASSIGN_OR_RAISE(const bool wanted, Holds(component, run, config));
    if (!wanted || !field.Has("path")) continue;
    ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(field, "value"));
    Scope scope(run.clock);
    scope.Set("config", config);
    ARROW_ASSIGN_OR_RAISE(Value value, text.Eval(scope, TypesOf(field.Text("value_type"))));
    config = WithValueAt(config, TextPath(*field.Find("path")), 0, std::move(value));
  }
  return config;
}

Result<Value> RemapField(const Component& component, const RunContext& run, Value config) {
  Path path;
  ARROW_ASSIGN_OR_RAISE(const auto texts, InterpolatedList(component, "field_path"));
  Scope scope(run.clock);
  scope.Set("config", config);
  for (const Interpolated& text : texts) {
    ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
    path.push_back(std::move(step));
  }
  const Value old = ValueAt(config, path);
  ARROW_ASSIGN_OR_RAISE(const Entries map, EvaluatedMap(component, "map", scope));
  const Value* renamed = old.is_undefined() ? nullptr : FindEntry(map, jinja::ToText(old));
  return renamed != nullptr ? WithValueAt(config, path, 0, *renamed) : config;
}

Result<Value> Changed(const Component& component, const RunContext& run, Value config) {
  if (component.type() == "ConfigAddFields") return AddFields(component, run, std::move(config));
  if (component.type() == "ConfigRemapField") return RemapField(component, run, std::move(config));
  if (component.type() == "ConfigRemoveFields") {
    ARROW_ASSIGN_OR_RAISE(const bool wanted, Holds(component, run, config));
    const auto* pointers = component.Find("field_pointers");
    if (!wanted || pointers == nullptr || pointers->kind() != expression::Value::Kind::kList) return config;
    for (const auto& pointer : pointers->as_list()) config = WithoutPath(config, TextPath(pointer));
    return config;
  }
  return ManifestError(component, "a change of the configuration of type " + component.type() + " cannot be run");
}

}  // namespace

Result<Value> MigratedConfig(const Component& rules, const RunContext& run) {
  Value config = run.config;
  for (const Component& migration : rules.Children("config_migrations")) {
    for (const Component& change : migration.Children("transformations")) {
      ARROW_ASSIGN_OR_RAISE(config, Changed(change, run, std::move(config)));
    }
  }
  return config;
}

Result<Value> TransformedConfig(const Component& rules, const RunContext& run) {
  Value config = run.config;
  for (const Component& change : rules.Children("transformations")) {
    ARROW_ASSIGN_OR_RAISE(config, Changed(change, run, std::move(config)));
  }
  return config;
}

}  // namespace firn::source::airbyte
