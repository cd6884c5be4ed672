#include "connector/foreign/dlt_resource.h"

#include <algorithm>

#include "connector/airbyte/component.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

void Set(WrittenValue* map, const std::string& key, WrittenValue value) {
  for (auto& [name, old] : map->entries) {
    if (name != key) continue;
    old = std::move(value);
    return;
  }
  map->entries.emplace_back(key, std::move(value));
}

// A resource or endpoint may be its name or path alone.
WrittenValue LongForm(const WrittenValue& value, const char* key) {
  if (value.kind != Kind::kString && value.kind != Kind::kText) return value;
  WrittenValue map{.kind = Kind::kMap, .line = value.line, .text = "", .items = {}, .entries = {}};
  Set(&map, key, value);
  return map;
}

class ResourceReader {
 public:
  ResourceReader(const WrittenValue& resource, const WrittenValue* paginator, DltSettings* settings)
      : resource_(resource), endpoint_(*resource.Find("endpoint")), paginator_(paginator), settings_(*settings) {}

  Result<Map> Read() {
    // Passed over: how dlt lays out nested lists, and whether resources are read at the same time.
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(resource_, "a resource",
                                        {"name", "endpoint", "primary_key", "merge_key", "write_disposition",
                                         "include_from_parent", "max_table_nesting", "parallelized", "selected"}));
    if (const WrittenValue* selected = Given(resource_, "selected"); selected != nullptr && selected->text != "True") {
      return WrittenError(selected->line, "`selected`: a resource that is read and not loaded");
    }
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(endpoint_, "an endpoint",
                                        {"path", "method", "params", "json", "headers", "paginator", "data_selector",
                                         "response_actions", "incremental"}));
    ARROW_RETURN_NOT_OK(ReadParams());
    if (const WrittenValue* incremental = Given(endpoint_, "incremental"))
      ARROW_RETURN_NOT_OK(ReadIncremental(*incremental, ""));
    ARROW_RETURN_NOT_OK(ReadPath());
    ARROW_RETURN_NOT_OK(ReadRequest());
    ARROW_RETURN_NOT_OK(ReadAnswer());
    ARROW_RETURN_NOT_OK(ReadDisposition());
    ARROW_RETURN_NOT_OK(ReadIncluded());
    return Assembled();
  }

 private:
  Status ReadParams() {
    const WrittenValue* params = Given(endpoint_, "params");
    if (params == nullptr) return Status::OK();
    for (const auto& [name, value] : params->entries) {
      if (value.kind == Kind::kNull) continue;
      const WrittenValue* type = value.kind == Kind::kMap ? Given(value, "type") : nullptr;
      if (type != nullptr && type->text == "resolve") {
        ARROW_RETURN_NOT_OK(ReadResolved(name, value));
      } else if (type != nullptr && type->text == "incremental") {
        ARROW_RETURN_NOT_OK(ReadIncremental(value, name));
      } else if (value.kind == Kind::kCall &&
                 (value.text == "dlt.sources.incremental" || value.text == "incremental")) {
        ARROW_RETURN_NOT_OK(ReadIncremental(value, name));
      } else {
        ARROW_ASSIGN_OR_RAISE(std::string text, Expanded(value));
        Put(&params_, name, std::move(text));
      }
    }
    return Status::OK();
  }

  // {"type": "resolve", "resource": "posts", "field": "id"}: of the path's {name}.
  Status ReadResolved(const std::string& name, const WrittenValue& value) {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(value, "a resolved parameter", {"type", "resource", "field"}));
    const WrittenValue* resource = Given(value, "resource");
    const WrittenValue* field = Given(value, "field");
    if (resource == nullptr || field == nullptr)
      return WrittenError(value.line, "a resolved parameter without resource or field");
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfJsonPath(*field));
    ARROW_RETURN_NOT_OK(UseParent(resource->text, value.line));
    resolved_.emplace_back(name, "{{ parent." + path + " }}");
    return Status::OK();
  }

  Status UseParent(const std::string& name, uint32_t line) {
    if (!parent_.empty() && parent_ != name)
      return WrittenError(line, "two parents, `" + parent_ + "` and `" + name + "`");
    parent_ = name;
    return Status::OK();
  }

  // `param`: of a cursor that stands in `params`; empty: `endpoint.incremental`.
  Status ReadIncremental(const WrittenValue& value, const std::string& param) {
    if (!incremental_.empty()) return WrittenError(value.line, "two cursors");
    WrittenValue map = value;
    if (value.kind == Kind::kCall && !value.items.empty()) Set(&map, "cursor_path", value.items[0]);
    if (value.items.size() > 1) Set(&map, "initial_value", value.items[1]);
    if (value.items.size() > 2) return WrittenError(value.line, "a cursor with more than two unnamed arguments");
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map, "a cursor",
                                        {"type", "cursor_path", "initial_value", "start_param", "end_param",
                                         "row_order", "lag", "on_cursor_value_missing"}));
    const WrittenValue* cursor = Given(map, "cursor_path");
    if (cursor == nullptr) return WrittenError(map.line, "a cursor without `cursor_path`");
    ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfJsonPath(*cursor));
    Put(&incremental_, "cursor", Literal(path));
    if (const WrittenValue* initial = Given(map, "initial_value")) {
      ARROW_ASSIGN_OR_RAISE(std::string start, settings_.Text(*initial));
      Put(&incremental_, "start", std::move(start));
    }
    const WrittenValue* start_param = Given(map, "start_param");
    const std::string sent = start_param != nullptr ? start_param->text : param;
    if (!sent.empty()) Put(&incremental_, "param", Literal(sent));
    bounds_are_sent_ = !sent.empty();
    return ReadCursorRules(map);
  }

  Status ReadCursorRules(const WrittenValue& map) {
    if (const WrittenValue* missing = Given(map, "on_cursor_value_missing");
        missing != nullptr && missing->text == "exclude") {
      return WrittenError(missing->line, "`on_cursor_value_missing`: rows without a cursor are kept");
    }
    if (const WrittenValue* order = Given(map, "row_order")) {
      if (order->text != "asc") return WrittenError(order->line, "`row_order`: " + order->text);
      Put(&incremental_, "order", "asc");
    }
    const WrittenValue* lag = Given(map, "lag");
    if (lag == nullptr) return Status::OK();
    const bool whole = lag->kind == Kind::kNumber && lag->text.find_first_not_of("0123456789") == std::string::npos;
    if (!whole) return WrittenError(lag->line, "`lag` of " + lag->text);
    Put(&incremental_, "lookback", lag->text + "s");  // dlt: seconds, of cursors that are times
    return Status::OK();
  }

  // Texts with {resources.posts.id} and {incremental.start_value}.
  Result<std::string> Expanded(const WrittenValue& value) {
    ARROW_ASSIGN_OR_RAISE(const std::string text, settings_.Text(value));
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
      const bool setting = i > 0 && text[i - 1] == '$' && text[i] == '{';
      if (text[i] != '{' || setting) {
        out += text[i];
        continue;
      }
      const size_t end = text.find('}', i);
      const std::string name = text.substr(i + 1, end == std::string::npos ? end : end - i - 1);
      ARROW_ASSIGN_OR_RAISE(const std::string native, Placeholder(name, value.line));
      out += native;
      i = end;
    }
    return out;
  }

  Result<std::string> Placeholder(const std::string& name, uint32_t line) {
    for (const auto& [known, native] : resolved_) {
      if (known == name) return native;
    }
    if (name == "incremental.start_value") {
      bounds_are_sent_ = true;
      return std::string("{{ incremental.start }}");
    }
    const size_t dot = name.find('.', 10);
    const bool of_parent = name.starts_with("resources.") && dot != std::string::npos && dot + 1 < name.size() &&
                           name.find_first_of("[]' {", dot) == std::string::npos;
    if (!of_parent) return WrittenError(line, "the place-holder `{" + name + "}`");
    ARROW_RETURN_NOT_OK(UseParent(name.substr(10, dot - 10), line));
    return "{{ parent." + name.substr(dot + 1) + " }}";
  }

  Status ReadPath() {
    const WrittenValue* path = Given(endpoint_, "path");
    ARROW_ASSIGN_OR_RAISE(path_, Expanded(path == nullptr ? *resource_.Find("name") : *path));
    const bool absolute = path_.starts_with("http://") || path_.starts_with("https://") || path_.starts_with('/');
    if (!absolute) path_.insert(0, "/");
    return Status::OK();
  }

  Status ReadRequest() {
    if (const WrittenValue* headers = Given(endpoint_, "headers")) {
      for (const auto& [name, value] : headers->entries) {
        ARROW_ASSIGN_OR_RAISE(std::string text, Expanded(value));
        Put(&headers_, name, std::move(text));
      }
    }
    if (const WrittenValue* json = Given(endpoint_, "json")) {
      const auto said = [this](const WrittenValue& text) -> Result<Value> {
        ARROW_ASSIGN_OR_RAISE(std::string native, Expanded(text));
        return Value::String(std::move(native));
      };
      ARROW_ASSIGN_OR_RAISE(const Value body, JsonOf(*json, said));
      if (body.kind() != Value::Kind::kMap) return WrittenError(json->line, "`json` that is no dictionary");
      body_ = body.as_map();
    }
    const WrittenValue* own = Given(endpoint_, "paginator");
    paginate_ = Value::String("auto");
    if (own == nullptr) own = paginator_;
    if (own == nullptr) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(paginate_, ReadDltPaginator(*own, &body_));
    return Status::OK();
  }

  Status ReadAnswer() {
    records_ = "auto";
    if (const WrittenValue* selector = Given(endpoint_, "data_selector")) {
      ARROW_ASSIGN_OR_RAISE(const std::string path, PathOfJsonPath(*selector));
      records_ = path.empty() ? "." : Literal(path);
    }
    // A child request answered 404 or 410 is a failure in dlt.
    if (!parent_.empty()) Put(&on_status_, "404", "fail"), Put(&on_status_, "410", "fail");
    const WrittenValue* actions = Given(endpoint_, "response_actions");
    if (actions == nullptr) return Status::OK();
    for (const WrittenValue& action : actions->items) {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(action, "a response action", {"status_code", "action"}));
      const WrittenValue* status = Given(action, "status_code");
      const WrittenValue* what = Given(action, "action");
      const bool ignores = action.kind == Kind::kMap && status != nullptr && what != nullptr && what->text == "ignore";
      if (!ignores || status->text.find_first_not_of("0123456789") != std::string::npos) {
        return WrittenError(action.line, "a response action other than `ignore` of a status");
      }
      airbyte::SetKey(on_status_, status->text, Value::String("empty"));
    }
    return Status::OK();
  }

  Status ReadKey(const char* key, Value* out) {
    const WrittenValue* value = Given(resource_, key);
    if (value == nullptr) return Status::OK();
    const std::vector<WrittenValue> one = {*value};
    List fields;
    for (const WrittenValue& item : value->kind == Kind::kList ? value->items : one) {
      if (item.kind != Kind::kString) return WrittenError(item.line, "`" + std::string(key) + "` that is no name");
      fields.push_back(Value::String(Literal(item.text)));
    }
    *out = fields.size() == 1 ? fields[0] : Value::OfList(std::move(fields));
    return Status::OK();
  }

  // dlt appends where nothing is said. Both ways to merge by key leave the same rows.
  Status ReadDisposition() {
    ARROW_RETURN_NOT_OK(ReadKey("primary_key", &primary_key_));
    ARROW_RETURN_NOT_OK(ReadKey("merge_key", &merge_key_));
    disposition_ = "append";
    const WrittenValue* written = Given(resource_, "write_disposition");
    if (written == nullptr) return Status::OK();
    const WrittenValue* name = written->kind == Kind::kMap ? Given(*written, "disposition") : written;
    if (written->kind == Kind::kMap) {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(*written, "a write disposition", {"disposition", "strategy"}));
      const WrittenValue* strategy = Given(*written, "strategy");
      if (strategy != nullptr && strategy->text != "delete-insert" && strategy->text != "upsert") {
        return WrittenError(strategy->line, "the strategy `" + strategy->text + "`");
      }
    }
    disposition_ = name == nullptr ? "" : name->text;
    if (disposition_ != "append" && disposition_ != "replace" && disposition_ != "merge") {
      return WrittenError(written->line, "the write disposition `" + disposition_ + "`");
    }
    if (disposition_ == "merge" && primary_key_.is_null() && merge_key_.is_null()) {
      return WrittenError(written->line, "merge without a primary_key, which dlt takes for append");
    }
    return Status::OK();
  }

  Status ReadIncluded() {
    const WrittenValue* included = Given(resource_, "include_from_parent");
    if (included == nullptr) return Status::OK();
    if (parent_.empty()) return WrittenError(included->line, "`include_from_parent` of a resource without a parent");
    for (const WrittenValue& field : included->items) {
      if (field.kind != Kind::kString) return WrittenError(field.line, "`include_from_parent` that is no name");
      Put(&include_, "_" + parent_ + "_" + field.text, "parent." + field.text);
    }
    return Status::OK();
  }

  Result<Map> Assembled() {
    if (!incremental_.empty() && !bounds_are_sent_) {
      return WrittenError(endpoint_.line, "a cursor that no request carries: rows are filtered by dlt alone");
    }
    if (!incremental_.empty() && !parent_.empty())
      return WrittenError(endpoint_.line, "a child with a cursor of its own");
    Map out;
    Put(&out, "path", path_);
    if (const WrittenValue* method = Given(endpoint_, "method");
        method != nullptr && method->text != "GET" && method->text != "get") {
      if (method->text != "POST" && method->text != "post")
        return WrittenError(method->line, "the method " + method->text);
      Put(&out, "method", "POST");
    }
    const auto put_map = [&](const char* key, Map& map) {
      if (!map.empty()) Put(&out, key, Value::OfMap(std::move(map)));
    };
    put_map("params", params_);
    put_map("headers", headers_);
    put_map("body", body_);
    Put(&out, "records", records_);
    Put(&out, "paginate", paginate_);
    put_map("on_status", on_status_);
    if (!parent_.empty()) Put(&out, "parent", NameOf(parent_));
    put_map("include", include_);
    put_map("incremental", incremental_);
    Put(&out, "primary_key", primary_key_);
    Put(&out, "write_disposition", disposition_);
    if (merge_key_.is_null()) return out;
    Put(&out, "merge_strategy", "delete_insert");
    Put(&out, "merge_key", merge_key_);
    return out;
  }

  const WrittenValue& resource_;
  const WrittenValue& endpoint_;
  const WrittenValue* const paginator_;
  DltSettings& settings_;
  std::vector<std::pair<std::string, std::string>> resolved_;  // place-holder → native
  std::string path_, parent_, records_, disposition_;
  Map params_, headers_, body_, on_status_, include_, incremental_;
  Value paginate_, primary_key_, merge_key_;
  bool bounds_are_sent_ = false;
};

}  // namespace

Result<WrittenValue> MergedDltResource(const WrittenValue* defaults, const WrittenValue& resource) {
  WrittenValue own = LongForm(resource, "name");
  if (own.kind != Kind::kMap) return WrittenError(resource.line, "a resource that is no dictionary");
  const WrittenValue empty{.kind = Kind::kMap, .line = own.line, .text = "", .items = {}, .entries = {}};
  WrittenValue merged = defaults == nullptr ? empty : *defaults;
  merged.line = own.line;
  const WrittenValue* default_endpoint = Given(merged, "endpoint");
  WrittenValue endpoint = default_endpoint == nullptr ? empty : LongForm(*default_endpoint, "path");
  const WrittenValue* written = Given(own, "endpoint");
  const WrittenValue own_endpoint = written == nullptr ? empty : LongForm(*written, "path");
  if (endpoint.kind != Kind::kMap || own_endpoint.kind != Kind::kMap)
    return WrittenError(own.line, "an endpoint that is no dictionary");
  for (const auto& [key, value] : own_endpoint.entries) {
    const WrittenValue* old = endpoint.Find(key);
    if ((key != "params" && key != "json") || old == nullptr || value.kind != Kind::kMap) {
      Set(&endpoint, key, value);
      continue;
    }
    WrittenValue both = *old;
    for (const auto& [name, item] : value.entries) Set(&both, name, item);
    Set(&endpoint, key, std::move(both));
  }
  for (const auto& [key, value] : own.entries) Set(&merged, key, value);
  endpoint.line = own_endpoint.line;
  Set(&merged, "endpoint", std::move(endpoint));
  return merged;
}

Result<Map> ReadDltResource(const WrittenValue& resource, const WrittenValue* paginator, DltSettings* settings) {
  return ResourceReader(resource, paginator, settings).Read();
}

}  // namespace firn::connector::foreign
