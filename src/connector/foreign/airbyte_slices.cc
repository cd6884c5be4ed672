#include <algorithm>

#include "config/declared_tables.h"
#include "connector/foreign/airbyte_stream.h"

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

std::vector<std::string> TextsOf(const Value* list) {
  std::vector<std::string> texts;
  if (list == nullptr || list->kind() != Value::Kind::kList) return texts;
  for (const Value& item : list->as_list()) texts.push_back(expression::ToText(item));
  return texts;
}

Status ReadList(const Component& router, StreamDraft* draft) {
  ARROW_RETURN_NOT_OK(RefuseOthers(router, {"type", "values", "cursor_field", "request_option"}));
  const std::string field = router.Text("cursor_field");
  const Value* values = router.Find("values");
  Map out;
  Put(&out, "name", NameOf(field));
  const Component option = router.Child("request_option");
  const bool is_param = option.Text("inject_into") == "request_parameter";
  if (is_param) Put(&out, "param", Literal(option.Text("field_name")));
  const std::string native = "partition." + NameOf(field);
  if (option.present() && !is_param) ARROW_RETURN_NOT_OK(PutOption(option, "{{ " + native + " }}", draft));
  if (values != nullptr && values->kind() == Value::Kind::kList) {
    List items;
    for (const Value& item : values->as_list()) {
      if (item.is_string() && item.as_string().find("{{") != std::string::npos) {
        return ManifestError(router, "values that are computed");
      }
      items.push_back(Value::String(Literal(expression::ToText(item))));
    }
    Put(&out, "values", Value::OfList(std::move(items)));
  } else {
    auto text = JinjaText::Parse(router.Text("values"));
    if (!text.ok()) return At(router, text.status());
    const auto path = text->Path();
    if (!path || path->root != "config" || path->steps.empty())
      return ManifestError(router, "values: `" + text->source() + "`");
    auto setting = draft->settings.Take(path->steps, {.is_list = true});
    if (!setting.ok()) return At(router, setting.status());
    Put(&out, "values", *setting);
  }
  draft->slice[field] = native;
  Put(&draft->table, "partitions", Value::OfMap(std::move(out)));
  return Status::OK();
}

Status ReadSubstream(const Component& router, StreamDraft* draft) {
  ARROW_RETURN_NOT_OK(RefuseOthers(router, {"type", "parent_stream_configs"}));
  const auto parents = router.Children("parent_stream_configs");
  if (parents.size() != 1) return ManifestError(router, "several parents");
  const Component& config = parents[0];
  ARROW_RETURN_NOT_OK(RefuseOthers(config, {"type", "stream", "parent_key", "partition_field", "request_option",
                                            "extra_fields", "incremental_dependency"}));
  const std::string field = config.Text("partition_field");
  std::string key = config.Text("parent_key");
  std::ranges::replace(key, '/', '.');  // of Airbyte's paths
  auto native = AccessText("parent", {key});
  if (key.find('.') != std::string::npos) native = "parent." + key;
  if (!native.ok()) return At(config, native.status());
  draft->parent = config.Child("stream");
  draft->follows_changes = config.Flag("incremental_dependency");
  draft->slice[field] = *native;
  if (const Value* extra = config.Find("extra_fields"); extra != nullptr && extra->kind() == Value::Kind::kList) {
    for (const Value& steps : extra->as_list()) {
      const auto path = DottedPath(TextsOf(&steps));
      if (!path.ok()) return At(config, path.status());
      draft->slice["extra_fields." + *path] = "parent." + *path;
    }
  }
  Put(&draft->table, "parent", config::TableNameOf(config.Child("stream").Text("name")));
  const Component option = config.Child("request_option");
  if (!option.present()) return Status::OK();
  return PutOption(option, "{{ " + *native + " }}", draft);
}

// A field that holds a value of the parent's row.
Status ReadAdded(const Component& fields, StreamDraft* draft, Map* include) {
  ARROW_RETURN_NOT_OK(RefuseOthers(fields, {"type", "fields"}));
  for (const Component& field : fields.Children("fields")) {
    ARROW_RETURN_NOT_OK(RefuseOthers(field, {"type", "path", "value", "value_type"}));
    const auto path = TextsOf(field.Find("path"));
    auto text = JinjaText::Parse(field.Text("value"));
    if (!text.ok()) return At(field, text.status());
    auto native = text->Expression(RequestNames(draft));
    const bool is_parent = native.ok() && text->Path() && native->starts_with("parent.") && path.size() == 1;
    if (!is_parent) return ManifestError(field, "AddFields: `" + text->source() + "`");
    Put(include, Literal(path[0]), *native);
  }
  return Status::OK();
}

Status ReadRemoved(const Component& fields, Map* columns) {
  ARROW_RETURN_NOT_OK(RefuseOthers(fields, {"type", "field_pointers"}));
  const Value* pointers = fields.Find("field_pointers");
  for (const Value& pointer :
       pointers != nullptr && pointers->kind() == Value::Kind::kList ? pointers->as_list() : List()) {
    const auto steps = TextsOf(&pointer);
    const bool wild =
        std::ranges::any_of(steps, [](const std::string& step) { return step.find_first_of("*?[") != step.npos; });
    const auto path = DottedPath(steps);
    if (wild || !path.ok()) return ManifestError(fields, "RemoveFields: " + expression::ToJson(pointer));
    Map drop;
    Put(&drop, "drop", Value::Bool(true));
    airbyte::SetKey(*columns, Literal(*path), Value::OfMap(std::move(drop)));
  }
  return Status::OK();
}

}  // namespace

Status ReadPartitionRouter(const Component& component, StreamDraft* draft) {
  if (!component.present()) return Status::OK();
  if (component.type() == "ListPartitionRouter") return ReadList(component, draft);
  if (component.type() == "SubstreamPartitionRouter") return ReadSubstream(component, draft);
  return ManifestError(component, "a partition router of type " + component.type());
}

Status ReadTransformations(const std::vector<Component>& components, StreamDraft* draft) {
  Map include, columns;
  for (const Component& component : components) {
    if (component.type() == "AddFields") {
      ARROW_RETURN_NOT_OK(ReadAdded(component, draft, &include));
    } else if (component.type() == "RemoveFields") {
      ARROW_RETURN_NOT_OK(ReadRemoved(component, &columns));
    } else {
      return ManifestError(component, "a transformation of type " + component.type());
    }
  }
  if (!include.empty()) Put(&draft->table, "include", Value::OfMap(std::move(include)));
  if (!columns.empty()) Put(&draft->table, "columns", Value::OfMap(std::move(columns)));
  return Status::OK();
}

}  // namespace firn::connector::foreign
