#include <algorithm>

#include "connector/foreign/airbyte_stream.h"

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

// Puts a value below maps that are made on the way.
Value WithField(const Value& under, const std::vector<std::string>& steps, size_t depth, const Value& value) {
  if (depth == steps.size()) return value;
  Map map = under.kind() == Value::Kind::kMap ? under.as_map() : Map();
  const Value* old = airbyte::FindKey(map, steps[depth]);
  airbyte::SetKey(map, steps[depth], WithField(old == nullptr ? Value::Null() : *old, steps, depth + 1, value));
  return Value::OfMap(std::move(map));
}

// A constant as the reference runtime prints it in a URL.
std::string PythonText(const Value& value) {
  if (value.kind() == Value::Kind::kBool) return value.as_bool() ? "True" : "False";
  return expression::ToText(value);
}

class RequesterReader {
 public:
  RequesterReader(const Component& component, StreamDraft* draft) : component_(component), draft_(*draft) {}

  Status Read() {
    if (component_.type() != "HttpRequester")
      return ManifestError(component_, "a requester of type " + component_.type());
    ARROW_RETURN_NOT_OK(RefuseOthers(
        component_, {"type", "url", "url_base", "path", "http_method", "authenticator", "error_handler",
                     "request_parameters", "request_headers", "request_body_json", "request_body", "use_cache"}));
    ARROW_RETURN_NOT_OK(ReadUrl());
    const std::string method = component_.Text("http_method", "GET");
    if (method != "GET") Put(&draft_.table, "method", method);
    ARROW_RETURN_NOT_OK(ReadNamed("request_parameters", &draft_.params));
    ARROW_RETURN_NOT_OK(ReadNamed("request_headers", &draft_.headers));
    ARROW_RETURN_NOT_OK(ReadBody());
    ARROW_ASSIGN_OR_RAISE(draft_.auth, ReadAuthenticator(component_.Child("authenticator"), &draft_));
    return ReadErrorHandler(component_.Child("error_handler"), &draft_);
  }

 private:
  Status ReadUrl() {
    const char* field = component_.Has("url_base") ? "url_base" : "url";
    ARROW_ASSIGN_OR_RAISE(draft_.url_base, TemplateField(component_, field, &draft_));
    ARROW_ASSIGN_OR_RAISE(draft_.path, TemplateField(component_, "path", &draft_));
    if (draft_.url_base.find("{{") != std::string::npos)
      return ManifestError(component_, "a host of its own per slice");
    while (draft_.url_base.ends_with('/')) draft_.url_base.pop_back();
    draft_.path.erase(0, std::min(draft_.path.find_first_not_of('/'), draft_.path.size()));
    if (!draft_.path.empty()) draft_.path.insert(0, "/");
    return Status::OK();
  }

  Status ReadNamed(const char* field, Map* out) {
    const Value* written = component_.Find(field);
    if (written == nullptr) return Status::OK();
    if (written->kind() != Value::Kind::kMap) return ManifestError(component_, std::string(field) + " as a text");
    for (const auto& [name, value] : written->as_map()) {
      const Status read = ReadOne(field, name, value, out);
      if (!read.ok()) return At(component_, Within(std::string(field) + " " + name, read));
    }
    return Status::OK();
  }

  Status ReadOne(const std::string& field, const std::string& name, const Value& value, Map* out) {
    if (value.is_null()) return Status::OK();
    if (value.kind() == Value::Kind::kMap || value.kind() == Value::Kind::kList) {
      return MakeError(Fault::kConfig, "several values");
    }
    if (!value.is_string()) {
      Put(out, name, PythonText(value));
      return Status::OK();
    }
    ARROW_ASSIGN_OR_RAISE(JinjaText text, JinjaText::Parse(value.as_string()));
    const auto token = text.Path();
    if (token && token->root == "next_page_token" && field == "request_parameters") return Status::OK();
    if (draft_.later_pages_are_urls) text = text.OfFirstPage();
    const bool alone = text.Path().has_value();
    ARROW_ASSIGN_OR_RAISE(std::string native, text.Template(RequestNames(&draft_, {.may_be_empty = alone})));
    Put(out, name, std::move(native));
    return Status::OK();
  }

  Status ReadBody() {
    const Value* written = component_.Find("request_body_json");
    const Component body = component_.Child("request_body");
    if (body.present()) {
      if (body.type() != "RequestBodyJsonObject") return ManifestError(body, "a request_body of type " + body.type());
      written = body.Find("value");
    }
    if (written == nullptr) return Status::OK();
    if (written->kind() != Value::Kind::kMap) return ManifestError(component_, "request_body_json as a text");
    auto said = BodyOf(*written);
    if (!said.ok()) return At(component_, Within("request_body_json", said.status()));
    draft_.body = said->as_map();
    return Status::OK();
  }

  // A text may come out as a number in the reference runtime (it evaluates literals); epochs would.
  Result<Value> BodyOf(const Value& value) {
    if (value.kind() == Value::Kind::kMap) {
      Map map;
      for (const auto& [key, item] : value.as_map()) {
        ARROW_ASSIGN_OR_RAISE(Value said, BodyOf(item));
        map.emplace_back(key, std::move(said));
      }
      return Value::OfMap(std::move(map));
    }
    if (value.kind() == Value::Kind::kList) {
      List list;
      for (const Value& item : value.as_list()) {
        ARROW_ASSIGN_OR_RAISE(Value said, BodyOf(item));
        list.push_back(std::move(said));
      }
      return Value::OfList(std::move(list));
    }
    if (!value.is_string()) return value;
    ARROW_ASSIGN_OR_RAISE(const JinjaText text, JinjaText::Parse(value.as_string()));
    ARROW_ASSIGN_OR_RAISE(std::string native, text.Template(RequestNames(&draft_, {.text_only = true})));
    if (draft_.cursor_is_number && native.find("incremental.") != std::string::npos) {
      return MakeError(Fault::kConfig, "an epoch inside of a template");
    }
    return Value::String(std::move(native));
  }

  const Component& component_;
  StreamDraft& draft_;
};

// What Airbyte does with a status that the native format does otherwise.
class ErrorReader {
 public:
  explicit ErrorReader(StreamDraft* draft) : draft_(*draft) {
    // A child request answered 404 or 410 is a failure here, if no filter says else.
    if (draft_.parent) Set("404", "fail"), Set("410", "fail");
  }

  Status ReadHandler(const Component& handler) {
    if (handler.type() == "CompositeErrorHandler") {
      ARROW_RETURN_NOT_OK(RefuseOthers(handler, {"type", "error_handlers"}));
      for (const Component& child : handler.Children("error_handlers")) ARROW_RETURN_NOT_OK(ReadHandler(child));
      return Status::OK();
    }
    if (handler.type() != "DefaultErrorHandler") {
      return ManifestError(handler, "an error handler of type " + handler.type());
    }
    // How long is waited between attempts is firn's own: Retry-After, else exponential.
    ARROW_RETURN_NOT_OK(
        RefuseOthers(handler, {"type", "response_filters", "backoff_strategies", "max_retries", "max_time"}));
    for (const Component& filter : handler.Children("response_filters")) ARROW_RETURN_NOT_OK(ReadFilter(filter));
    return Status::OK();
  }

  void Finish() {
    if (!rules_.empty()) Put(&draft_.table, "on_status", Value::OfMap(std::move(rules_)));
  }

 private:
  void Set(const std::string& status, const char* action) { airbyte::SetKey(rules_, status, Value::String(action)); }

  Status ReadFilter(const Component& filter) {
    ARROW_RETURN_NOT_OK(RefuseOthers(filter, {"type", "action", "http_codes", "predicate", "error_message_contains",
                                              "error_message", "failure_type"}));
    const std::string action = filter.Text("action", "FAIL");
    const bool by_text = filter.Has("predicate") || filter.Has("error_message_contains");
    const bool retries = action == "RETRY" || action == "RATE_LIMITED";
    if (by_text) return ManifestError(filter, "a response filter that looks into the answer");
    if (!retries && action != "FAIL" && action != "IGNORE") return ManifestError(filter, "the action " + action);
    const Value* codes = filter.Find("http_codes");
    for (const Value& code : codes != nullptr && codes->kind() == Value::Kind::kList ? codes->as_list() : List()) {
      const std::string status = expression::ToText(code);
      if (airbyte::FindKey(seen_, status) != nullptr) continue;  // the first filter that matches holds
      seen_.emplace_back(status, Value::Null());
      Set(status, retries ? "retry" : action == "IGNORE" ? "empty" : "fail");
    }
    return Status::OK();
  }

  StreamDraft& draft_;
  Map rules_, seen_;
};

}  // namespace

Status At(const Component& component, const Status& status) {
  return status.ok() ? status : WithContext(status, {.where = component.path()});
}

Status RefuseOthers(const Component& component, std::initializer_list<std::string_view> known) {
  if (!component.present()) return Status::OK();  // then its type is none that is known
  const Value parameters = component.Parameters();
  for (const auto& [field, value] : component.value().as_map()) {
    const bool passed =
        field == "$parameters" || field == "name" || value.is_null() || parameters.Find(field) != nullptr;
    if (passed || std::ranges::find(known, field) != known.end()) continue;
    return ManifestError(component, "`" + field + "` of a " + component.type());
  }
  return Status::OK();
}

JinjaText::Names RequestNames(StreamDraft* draft, AirbyteSettings::Use use) {
  return [draft, use](const NamePath& path) -> Result<JinjaText::Said> {
    if (path.root == "config" && !path.steps.empty()) {
      AirbyteSettings::Use with = use;
      if (path.otherwise) with.otherwise = path.otherwise;
      ARROW_ASSIGN_OR_RAISE(std::string text, draft->settings.Take(path.steps, with));
      return JinjaText::Said{.text = std::move(text), .is_setting = true};
    }
    const bool slice = path.root == "stream_slice" || path.root == "stream_partition" || path.root == "stream_interval";
    std::string key;
    for (const std::string& step : path.steps) key += (key.empty() ? "" : ".") + step;
    const auto found = draft->slice.find(key);
    if (slice && !path.otherwise && found != draft->slice.end()) {
      draft->bounds_are_sent = draft->bounds_are_sent || found->second.starts_with("incremental.");
      return JinjaText::Said{.text = found->second};
    }
    return MakeError(Fault::kConfig, "`" + path.root + (key.empty() ? "" : "." + key) + "` in a request");
  };
}

Result<std::string> TemplateField(const Component& component, std::string_view field, StreamDraft* draft,
                                  AirbyteSettings::Use use) {
  auto text = JinjaText::Parse(component.Text(field));
  if (!text.ok()) return At(component, Within(field, text.status()));
  auto native = text->Template(RequestNames(draft, std::move(use)));
  if (!native.ok()) return At(component, Within(field, native.status()));
  return native;
}

Status PutOption(const Component& option, const std::string& native, StreamDraft* draft) {
  ARROW_RETURN_NOT_OK(RefuseOthers(option, {"type", "inject_into", "field_name", "field_path"}));
  const std::string where = option.Text("inject_into");
  const std::string name = option.Text("field_name");
  if (where == "request_parameter") {
    Put(&draft->params, name, native);
  } else if (where == "header") {
    Put(&draft->headers, name, native);
  } else if (where == "body_json") {
    std::vector<std::string> steps = {name};
    if (const Value* path = option.Find("field_path"); path != nullptr && path->kind() == Value::Kind::kList) {
      steps.clear();
      for (const Value& step : path->as_list()) steps.push_back(expression::ToText(step));
    }
    // A number stays one: a page size.
    const Value number = Value::NumberText(native);
    const bool is_number = !native.empty() && native.find_first_not_of("0123456789") == std::string::npos;
    draft->body = WithField(Value::OfMap(draft->body), steps, 0, is_number ? number : Value::String(native)).as_map();
  } else {
    return ManifestError(option, "inject_into: " + where);
  }
  return Status::OK();
}

Status ReadErrorHandler(const Component& component, StreamDraft* draft) {
  ErrorReader reader(draft);
  if (component.present()) ARROW_RETURN_NOT_OK(reader.ReadHandler(component));
  reader.Finish();
  return Status::OK();
}

Status ReadRequester(const Component& component, StreamDraft* draft) {
  return RequesterReader(component, draft).Read();
}

}  // namespace firn::connector::foreign
