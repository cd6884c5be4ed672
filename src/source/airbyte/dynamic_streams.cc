#include "source/airbyte/dynamic_streams.h"

#include <functional>
#include <set>

#include "connector/airbyte/parameters.h"
#include "source/airbyte/dpath.h"
#include "source/airbyte/stream.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

struct Mapping {
  std::vector<Interpolated> path;
  Interpolated value;
  Interpolated condition;
  uint32_t types = jinja::kAnyType;
  bool creates = false;
};

// One set of values for a copy of the template, and the slice they came with.
using ValuesSink = std::function<Status(const Value& values, const Slice& slice)>;

uint32_t TypesOf(const std::string& name) {
  if (name == "string") return jinja::kStringType;
  if (name == "number") return jinja::kFloatType;
  if (name == "integer") return jinja::kIntType;
  return name == "boolean" ? jinja::kBoolType : jinja::kAnyType;
}

Result<std::vector<Mapping>> MappingsOf(const Component& resolver) {
  std::vector<Mapping> mappings;
  for (const Component& component : resolver.Children("components_mapping")) {
    Mapping mapping;
    ARROW_ASSIGN_OR_RAISE(mapping.path, InterpolatedList(component, "field_path"));
    ARROW_ASSIGN_OR_RAISE(mapping.value, InterpolatedField(component, "value"));
    ARROW_ASSIGN_OR_RAISE(mapping.condition, InterpolatedField(component, "condition"));
    mapping.types = TypesOf(component.Text("value_type"));
    mapping.creates = component.Flag("create_or_update");
    mappings.push_back(std::move(mapping));
  }
  return mappings;
}

Status EachOfApi(const Component& resolver, const RunContext& run, const ValuesSink& sink) {
  StreamContext context{.run = &run, .is_parent = true, .depth = 1, .cursor_field = ""};
  const Component retriever = resolver.Child("retriever");
  ARROW_ASSIGN_OR_RAISE(const auto router, PartitionRouter::MakeFor(retriever, context, EmptyMap()));
  RetrieverParts parts;
  parts.router = router.get();
  parts.use_cache = true;
  ARROW_ASSIGN_OR_RAISE(const auto reader, MakeSimpleRetriever(retriever, run, std::move(parts)));
  const auto read = [&](const Slice& slice) {
    return reader->Read(slice, Value(), [&](const Value& values) { return sink(values, slice); });
  };
  return router == nullptr ? read({}) : router->Slices(read);
}

Status EachOfConfig(const Component& resolver, const RunContext& run, const ValuesSink& sink) {
  List combined = {EmptyMap()};
  const std::vector<Component> configs = resolver.Children("stream_config");
  std::vector<List> lists;
  for (const Component& config : configs) {
    ARROW_ASSIGN_OR_RAISE(const auto texts, InterpolatedList(config, "configs_pointer"));
    Path path;
    for (const Interpolated& text : texts) {
      Scope scope = run.NewScope();
      ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
      path.push_back(std::move(step));
    }
    const Value found = ValueAt(run.config, path);
    List items = found.is_list() ? found.as_list() : List();
    const Value defaults = FieldOf(config, "default_values");
    if (defaults.is_list()) items.insert(items.end(), defaults.as_list().begin(), defaults.as_list().end());
    lists.push_back(std::move(items));
  }
  // Several lists: every combination; a map's keys go together, another value is kept as it is.
  for (const List& list : lists) {
    List next;
    for (const Value& left : combined) {
      for (const Value& right : list) next.push_back(right.is_map() ? Merge(left, right) : right);
    }
    combined = std::move(next);
  }
  for (const Value& values : combined) ARROW_RETURN_NOT_OK(sink(values, {}));
  return Status::OK();
}

Status EachOfManifest(const Component& resolver, const ValuesSink& sink) {
  const Value list = FieldOf(resolver.Child("stream_parameters"), "list_of_parameters_for_stream");
  for (const Value& values : list.is_list() ? list.as_list() : List()) ARROW_RETURN_NOT_OK(sink(values, {}));
  return Status::OK();
}

Status EachOf(const Component& resolver, const RunContext& run, const ValuesSink& sink) {
  const std::string type = resolver.type();
  if (type == "HttpComponentsResolver") return EachOfApi(resolver, run, sink);
  if (type == "ConfigComponentsResolver") return EachOfConfig(resolver, run, sink);
  if (type == "ParametrizedComponentsResolver") return EachOfManifest(resolver, sink);
  return ManifestError(resolver, "a components resolver of type " + type + " cannot be run");
}

Result<Value> Filled(Value component, const std::vector<Mapping>& mappings, const RunContext& run, const Value& values,
                     const Slice& slice) {
  Scope scope = run.NewScope();
  scope.Set("components_values", values);
  scope.Set("stream_slice", slice.View());
  scope.Set("stream_template_config", component);
  for (const Mapping& mapping : mappings) {
    if (!mapping.condition.empty()) {
      ARROW_ASSIGN_OR_RAISE(const bool wanted, mapping.condition.EvalCondition(scope));
      if (!wanted) continue;
    }
    ARROW_ASSIGN_OR_RAISE(Value value, mapping.value.Eval(scope, mapping.types));
    Path path;
    for (const Interpolated& text : mapping.path) {
      ARROW_ASSIGN_OR_RAISE(std::string step, text.EvalText(scope));
      path.push_back(std::move(step));
    }
    if (mapping.creates || !ValueAt(component, path).is_undefined()) {
      component = WithValueAt(component, path, 0, std::move(value));
    }
  }
  return component;
}

}  // namespace

Result<std::vector<Component>> MakeDynamicStreams(const Component& component, const RunContext& run) {
  const Component resolver = component.Child("components_resolver");
  const Component stream_template = component.Child("stream_template");
  ARROW_ASSIGN_OR_RAISE(const auto mappings, MappingsOf(resolver));
  const Value written = jinja::FromCore(stream_template.value());
  const bool parents_win = component.Flag("use_parent_parameters", true);
  std::vector<Component> streams;
  std::set<std::string> names;
  ARROW_RETURN_NOT_OK(EachOf(resolver, run, [&](const Value& values, const Slice& slice) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Value filled, Filled(written, mappings, run, values, slice));
    const auto made = connector::airbyte::PropagateParameters(jinja::ToCore(filled), parents_win);
    Component stream(made, component.path() + "." + std::to_string(streams.size()));
    if (!names.insert(stream.Text("name")).second) {
      return ManifestError(component, "two dynamic streams of the name " + stream.Text("name"));
    }
    streams.push_back(std::move(stream));
    return Status::OK();
  }));
  return streams;
}

}  // namespace firn::source::airbyte
