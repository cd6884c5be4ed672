#include "source/airbyte/request_parts.h"

#include "source/airbyte/dpath.h"

namespace firn::source::airbyte {
namespace {

Status MergeInto(const Entries& source, bool same_value_allowed, Entries* target) {
  for (const auto& [key, value] : source) {
    const std::string name = jinja::ToText(key);
    Value* old = FindEntry(*target, name);
    if (old == nullptr) {
      Put(*target, name, value);
    } else if (same_value_allowed && old->is_map() && value.is_map()) {
      Entries inner = old->as_map();
      ARROW_RETURN_NOT_OK(MergeInto(value.as_map(), true, &inner));
      *old = Value::OfMap(std::move(inner));
    } else if (!same_value_allowed || !jinja::Equals(*old, value)) {
      return MakeError(Fault::kConfig, "two components of the manifest set the same key of a request: " + name);
    }
  }
  return Status::OK();
}

}  // namespace

Status CombineParts(const RequestParts& more, RequestParts* parts) {
  ARROW_RETURN_NOT_OK(MergeInto(more.params, false, &parts->params));
  ARROW_RETURN_NOT_OK(MergeInto(more.headers, false, &parts->headers));
  ARROW_RETURN_NOT_OK(MergeInto(more.body_data, false, &parts->body_data));
  ARROW_RETURN_NOT_OK(MergeInto(more.body_json, true, &parts->body_json));
  if (more.body_text) {
    if (parts->body_text) return MakeError(Fault::kConfig, "two components of the manifest set the text of a request");
    parts->body_text = more.body_text;
  }
  if (parts->body_text && !parts->body_data.empty()) {
    return MakeError(Fault::kConfig, "a request's body is a text and has fields besides");
  }
  return Status::OK();
}

Result<RequestOption> RequestOption::Make(const Component& component) {
  RequestOption option;
  const std::string where = component.Text("inject_into");
  if (where == "request_parameter") {
    option.where_ = Where::kParameter;
  } else if (where == "header") {
    option.where_ = Where::kHeader;
  } else if (where == "body_data") {
    option.where_ = Where::kBodyData;
  } else if (where == "body_json") {
    option.where_ = Where::kBodyJson;
  } else {
    return connector::airbyte::ManifestError(component, "unknown inject_into " + where);
  }
  if (component.Has("field_name") == component.Has("field_path")) {
    return connector::airbyte::ManifestError(component, "a RequestOption has either field_name or field_path");
  }
  if (component.Has("field_path") && option.where_ != Where::kBodyJson) {
    return connector::airbyte::ManifestError(component, "field_path is for body_json only");
  }
  ARROW_ASSIGN_OR_RAISE(option.path_,
                        InterpolatedList(component, component.Has("field_name") ? "field_name" : "field_path"));
  return option;
}

namespace {

// As WithValueAt, but all that is made on the way is maps.
Value WithField(const Value& under, const Path& path, size_t depth, const Value& value) {
  if (depth == path.size()) return value;
  Entries entries = under.is_map() ? under.as_map() : Entries();
  const Value* old = FindEntry(entries, path[depth]);
  Value inner = WithField(old == nullptr ? Value() : *old, path, depth + 1, value);
  Put(entries, path[depth], std::move(inner));
  return Value::OfMap(std::move(entries));
}

}  // namespace

Status RequestOption::Put(const RunContext& run, const Value& value, RequestParts* parts) const {
  Path path;
  for (const Interpolated& step : path_) {
    Scope scope = run.NewScope();
    ARROW_ASSIGN_OR_RAISE(std::string text, step.EvalText(scope));
    path.push_back(std::move(text));
  }
  Entries* entries = &parts->params;
  if (where_ == Where::kHeader) entries = &parts->headers;
  if (where_ == Where::kBodyData) entries = &parts->body_data;
  if (where_ == Where::kBodyJson) entries = &parts->body_json;
  *entries = WithField(Value::OfMap(std::move(*entries)), path, 0, value).as_map();
  return Status::OK();
}

Result<std::optional<RequestOption>> OptionField(const Component& component, std::string_view field) {
  const Component child = component.Child(field);
  if (!child.present()) return std::optional<RequestOption>();
  ARROW_ASSIGN_OR_RAISE(RequestOption option, RequestOption::Make(child));
  return std::optional<RequestOption>(std::move(option));
}

}  // namespace firn::source::airbyte
