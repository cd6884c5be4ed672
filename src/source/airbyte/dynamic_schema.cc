#include "source/airbyte/dynamic_schema.h"

#include <optional>
#include <vector>

#include "source/airbyte/dpath.h"
#include "source/airbyte/partition_router.h"
#include "source/airbyte/retriever.h"
#include "source/airbyte/stream.h"
#include "source/airbyte/transformations.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

Value Nullable(std::string_view type) {
  return Value::OfList({Value::String("null"), Value::String(type)});
}

// The JSON schema of one of Airbyte's type names; undefined if there is none.
Value SchemaOfType(const std::string& name) {
  const auto plain = [](std::string_view type) { return Entries{{Value::String("type"), Nullable(type)}}; };
  const auto timed = [&](std::string_view format, const char* airbyte) {
    Entries entries = plain("string");
    Put(entries, "format", Value::String(format));
    if (airbyte != nullptr) Put(entries, "airbyte_type", Value::String(airbyte));
    return Value::OfMap(std::move(entries));
  };
  if (name == "string" || name == "boolean" || name == "number" || name == "object") return Value::OfMap(plain(name));
  if (name == "integer") return Value::OfMap(plain("integer"));
  if (name == "array") {
    return Value::OfMap(plain("array"));
  }
  if (name == "date") return timed("date", nullptr);
  if (name == "timestamp_without_timezone") return timed("date-time", "timestamp_without_timezone");
  if (name == "timestamp_with_timezone") return timed("date-time", nullptr);
  if (name == "time_without_timezone") return timed("time", "time_without_timezone");
  if (name == "time_with_timezone") return timed("time", "time_with_timezone");
  return Value();
}

struct TypeRule {
  Value current;
  Component target_component;
  Value target;
  Interpolated condition;
};

class DynamicLoader : public SchemaLoader {
 public:
  explicit DynamicLoader(const RunContext& run) : run_(run) {}

  Status Build(const Component& component, const std::string& stream) {
    StreamContext context{.run = &run_, .is_parent = true, .depth = 1, .cursor_field = ""};
    const Component retriever = component.Child("retriever");
    ARROW_ASSIGN_OR_RAISE(router_, PartitionRouter::MakeFor(retriever, context, EmptyMap()));
    RetrieverParts parts;
    parts.stream = stream;
    parts.router = router_.get();
    ARROW_ASSIGN_OR_RAISE(retriever_, MakeSimpleRetriever(retriever, run_, std::move(parts)));
    const Component types = component.Child("schema_type_identifier");
    ARROW_ASSIGN_OR_RAISE(schema_pointer_, PathField(types, "schema_pointer"));
    ARROW_ASSIGN_OR_RAISE(key_pointer_, PathField(types, "key_pointer"));
    has_type_pointer_ = types.Has("type_pointer");
    ARROW_ASSIGN_OR_RAISE(type_pointer_, PathField(types, "type_pointer"));
    for (const Component& rule : types.Children("types_mapping")) {
      TypeRule made{.current = FieldOf(rule, "current_type"),
                    .target_component = rule.Child("target_type"),
                    .target = FieldOf(rule, "target_type"),
                    .condition = {}};
      ARROW_ASSIGN_OR_RAISE(made.condition, InterpolatedField(rule, "condition", "True"));
      rules_.push_back(std::move(made));
    }
    for (const Component& transformation : component.Children("schema_transformations")) {
      ARROW_ASSIGN_OR_RAISE(auto step, Transformation::Make(transformation, run_));
      transformations_.push_back(std::move(step));
    }
    ARROW_ASSIGN_OR_RAISE(filter_, InterpolatedField(component.Child("schema_filter"), "condition"));
    return Status::OK();
  }

  Result<Value> Load() override {
    if (known_) return *known_;
    ARROW_ASSIGN_OR_RAISE(const Value record, FirstRecord());
    const Value raw = schema_pointer_.empty() || record.is_undefined() ? record : ValueAt(record, schema_pointer_);
    Entries properties;
    for (const Value& definition : raw.is_list() ? raw.as_list() : List()) {
      const Value key = ValueAt(definition, key_pointer_);
      if (!key.is_string()) return MakeError(Fault::kBadData, "the name of a field is no text");
      ARROW_ASSIGN_OR_RAISE(Value type, TypeOf(definition));
      ARROW_ASSIGN_OR_RAISE(const bool passes, Passes(key, type));
      if (passes) Put(properties, key.as_string(), std::move(type));
    }
    Value made = Value::OfMap(std::move(properties));
    for (const auto& transformation : transformations_) {
      ARROW_ASSIGN_OR_RAISE(made, transformation->Apply(std::move(made), {}));
    }
    known_ = Value::OfMap({{Value::String("$schema"), Value::String("https://json-schema.org/draft-07/schema#")},
                           {Value::String("type"), Value::String("object")},
                           {Value::String("additionalProperties"), Value::Bool(true)},
                           {Value::String("properties"), made}});
    return *known_;
  }

 private:
  Result<Path> PathField(const Component& component, std::string_view field) const {
    ARROW_ASSIGN_OR_RAISE(const auto texts, InterpolatedList(component, field));
    Path path;
    for (const Interpolated& text : texts) {
      Scope scope = run_.NewScope();
      ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
      path.push_back(std::move(step));
    }
    return path;
  }

  Result<Value> FirstRecord() {
    Value first;
    const Status enough = MakeError(Fault::kCancelled, "one record is enough");
    const Status read = retriever_->Read({}, Value(), [&](const Value& record) {
      first = record;
      return enough;
    });
    if (!read.ok() && first.is_undefined()) return read;
    return first;
  }

  Result<bool> Passes(const Value& key, const Value& type) const {
    if (filter_.empty()) return true;
    Scope scope = run_.NewScope();
    scope.Set("record", Value::OfMap({{key, type}}));
    scope.Set("stream_slice", Value::Null());
    scope.Set("next_page_token", Value::Null());
    return filter_.EvalCondition(scope);
  }

  Result<Value> TypeOf(const Value& definition) const {
    Value type = Value::String("string");
    if (has_type_pointer_) {
      const Value found = ValueAt(definition, type_pointer_);
      if (!found.is_undefined()) type = found;
    }
    for (const TypeRule& rule : rules_) {
      if (!jinja::Equals(type, rule.current)) continue;
      Scope scope = run_.NewScope();
      scope.Set("raw_schema", definition);
      ARROW_ASSIGN_OR_RAISE(const bool holds, rule.condition.EvalCondition(scope));
      if (!holds) continue;
      if (rule.target_component.present()) return ComplexType(rule.target);
      return SchemaOf(rule.target);
    }
    return SchemaOf(type);
  }

  static Result<Value> SchemaOf(const Value& type) {
    if (type.is_list() && type.as_list().size() == 2) {
      ARROW_ASSIGN_OR_RAISE(Value first, SchemaOf(type.as_list()[0]));
      ARROW_ASSIGN_OR_RAISE(Value second, SchemaOf(type.as_list()[1]));
      return Value::OfMap({{Value::String("oneOf"), Value::OfList({std::move(first), std::move(second)})}});
    }
    Value schema = type.is_string() ? SchemaOfType(std::string(type.as_string())) : Value();
    if (schema.is_undefined()) return MakeError(Fault::kConfig, "no Airbyte type: " + jinja::ToText(type));
    return schema;
  }

  static Result<Value> ComplexType(const Value& type) {
    ARROW_ASSIGN_OR_RAISE(const Value schema, SchemaOf(type.Find("field_type").value_or(Value())));
    const auto items = type.Find("items");
    if (!items) return schema;
    Entries entries = schema.as_map();
    Value inner;
    if (items->is_map()) {
      ARROW_ASSIGN_OR_RAISE(inner, ComplexType(*items));
    } else {
      ARROW_ASSIGN_OR_RAISE(inner, SchemaOf(*items));
    }
    Put(entries, "items", std::move(inner));
    return Value::OfMap(std::move(entries));
  }

  const RunContext& run_;
  std::unique_ptr<PartitionRouter> router_;
  std::unique_ptr<Retriever> retriever_;
  Path schema_pointer_, key_pointer_, type_pointer_;
  bool has_type_pointer_ = false;
  std::vector<TypeRule> rules_;
  std::vector<std::unique_ptr<Transformation>> transformations_;
  Interpolated filter_;
  std::optional<Value> known_;
};

}  // namespace

Result<std::unique_ptr<SchemaLoader>> MakeDynamicSchemaLoader(const Component& component, const RunContext& run,
                                                              const std::string& stream) {
  auto made = std::make_unique<DynamicLoader>(run);
  ARROW_RETURN_NOT_OK(made->Build(component, stream));
  return std::unique_ptr<SchemaLoader>(std::move(made));
}

}  // namespace firn::source::airbyte
