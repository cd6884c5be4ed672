#include <algorithm>

#include "connector/airbyte/component.h"
#include "connector/foreign/sling_text.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

std::string WithoutBlanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return text;
}

// "response.json.meta.next" → "meta.next"; nullopt for whatever is no plain path.
std::optional<std::string> PathBelow(std::string_view root, const std::string& text) {
  if (!text.starts_with(root) || text.size() <= root.size()) return std::nullopt;
  const std::string path = text.substr(root.size());
  const bool plain =
      path.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == std::string::npos;
  return plain && !path.starts_with('.') && path.find("..") == std::string::npos ? std::optional(path) : std::nullopt;
}

class EndpointReader {
 public:
  EndpointReader(const WrittenValue& endpoint, const std::string& base_url, SlingTexts* texts)
      : endpoint_(endpoint), base_url_(base_url), texts_(*texts) {}

  Result<Map> Read() {
    // Passed over: what is for people, and how the rows are written to Sling's target.
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(endpoint_, "an endpoint",
                                        {"name", "description", "docs", "state", "sync", "request", "pagination",
                                         "response", "iterate", "disabled", "depends_on"}));
    ARROW_RETURN_NOT_OK(ReadIterate());
    ARROW_RETURN_NOT_OK(ReadSync());
    ARROW_RETURN_NOT_OK(ReadPaging());
    ARROW_RETURN_NOT_OK(ReadRequest());
    ARROW_RETURN_NOT_OK(ReadResponse());
    return std::move(out_);
  }

 private:
  const WrittenValue* Below(const char* part, const char* key) const {
    const WrittenValue* map = Given(endpoint_, part);
    return map == nullptr ? nullptr : Given(*map, key);
  }

  // The query parameter that is this state alone.
  std::string ParamOf(const std::string& state) const {
    const WrittenValue* parameters = Below("request", "parameters");
    if (parameters == nullptr) return "";
    for (const auto& [name, value] : parameters->entries) {
      if (SlingTexts::StateOf(value) == state) return name;
    }
    return "";
  }

  // A list of constants, one sequence of requests for each.
  Status ReadIterate() {
    const WrittenValue* iterate = Given(endpoint_, "iterate");
    if (iterate == nullptr) return Status::OK();
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(*iterate, "iterate", {"over", "into", "concurrency"}));
    const WrittenValue* over = Given(*iterate, "over");
    const WrittenValue* into = Given(*iterate, "into");
    if (over == nullptr || over->kind != Kind::kList || into == nullptr || !into->text.starts_with("state.")) {
      return WrittenError(iterate->line, "iterate: over what is no list of constants");
    }
    const std::string name = into->text.substr(6);
    List values;
    for (const WrittenValue& item : over->items) {
      if (item.kind != Kind::kString && item.kind != Kind::kNumber)
        return WrittenError(item.line, "iterate: over what is no constant");
      values.push_back(Value::String(Literal(item.text)));
    }
    Map partitions;
    Put(&partitions, "name", NameOf(name));
    Put(&partitions, "values", Value::OfList(std::move(values)));
    Put(&out_, "partitions", Value::OfMap(std::move(partitions)));
    texts_.SayState(name, "{{ partition." + NameOf(name) + " }}");
    return Status::OK();
  }

  // The way that Sling's documentation shows: `sync: [last]`, a processor that keeps the greatest value in state.last,
  // and a state of coalesce(…, sync.last, first).
  Status ReadSync() {
    const WrittenValue* sync = Given(endpoint_, "sync");
    const WrittenValue* processors = Below("response", "processors");
    const bool processes = processors != nullptr && !processors->items.empty();
    if (sync == nullptr || sync->items.empty()) {
      return processes ? WrittenError(processors->line, "processors: values are not computed") : Status::OK();
    }
    if (sync->items.size() != 1 || !processes || processors->items.size() != 1) {
      return WrittenError(sync->line, "sync of other than one value that one processor keeps");
    }
    const std::string& kept = sync->items[0].text;
    const WrittenValue& processor = processors->items[0];
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(processor, "a processor", {"expression", "output", "aggregation"}));
    const WrittenValue* expression = Given(processor, "expression");
    const WrittenValue* output = Given(processor, "output");
    const WrittenValue* aggregation = Given(processor, "aggregation");
    const auto cursor = expression == nullptr ? std::nullopt : PathBelow("record.", WithoutBlanks(expression->text));
    const bool keeps_greatest = output != nullptr && output->text == "state." + kept && aggregation != nullptr &&
                                aggregation->text == "maximum";
    if (!cursor || !keeps_greatest)
      return WrittenError(processor.line, "a processor other than the maximum of a field");
    return ReadCursor(kept, *cursor, sync->line);
  }

  Status ReadCursor(const std::string& kept, const std::string& cursor, uint32_t line) {
    const WrittenValue* state = Given(endpoint_, "state");
    for (const auto& [name, value] : state == nullptr ? std::vector<WrittenEntry>() : state->entries) {
      const auto expression = SlingTexts::ExpressionOf(value);
      const std::string call = expression ? WithoutBlanks(*expression) : "";
      if (!call.starts_with("coalesce(") || !call.ends_with(')')) continue;
      const std::string param = ParamOf(name);
      Map incremental;
      Put(&incremental, "cursor", Literal(cursor));
      if (param.empty()) return WrittenError(value.line, "a cursor that is no query parameter");
      Put(&incremental, "param", Literal(param));
      ARROW_RETURN_NOT_OK(PutStart(call.substr(9, call.size() - 10), kept, value.line, &incremental));
      Put(&out_, "incremental", Value::OfMap(std::move(incremental)));
      cursor_param_ = param;
      return Status::OK();
    }
    return WrittenError(line, "sync whose value no state takes up by coalesce");
  }

  // Of `env.START, sync.last, "2024-01-01"`: the constant, which a setting may be in the place of.
  Status PutStart(std::string arguments, const std::string& kept, uint32_t line, Map* incremental) {
    bool takes_up = false;
    arguments += ',';
    for (size_t at = 0; at < arguments.size();) {
      const size_t end = arguments.find(',', at);
      const std::string argument = arguments.substr(at, end - at);
      at = end + 1;
      const bool quoted = argument.size() > 2 && (argument.front() == '"' || argument.front() == '\'') &&
                          argument.back() == argument.front();
      if (argument == "sync." + kept) {
        takes_up = true;
      } else if (quoted) {
        Put(incremental, "start", Literal(argument.substr(1, argument.size() - 2)));
      } else if (!argument.starts_with("env.") || NameOf(argument.substr(4)) != argument.substr(4)) {
        // An env that comes first begins anew: that is `firn run --from`.
        return WrittenError(line, "the expression `" + argument + "` as the start of a cursor");
      }
    }
    return takes_up ? Status::OK() : WrittenError(line, "sync whose value no state takes up by coalesce");
  }

  Status ReadPaging() {
    const WrittenValue* paging = Given(endpoint_, "pagination");
    if (paging == nullptr || paging->entries.empty()) {
      Put(&out_, "paginate", "none");
      return Status::OK();
    }
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(*paging, "pagination", {"next_state", "stop_condition"}));
    const WrittenValue* next = Given(*paging, "next_state");
    if (next == nullptr || next->entries.size() != 1)
      return WrittenError(paging->line, "next_state of other than one value");
    const auto& [name, value] = next->entries[0];
    page_param_ = ParamOf(name);
    const std::string expression = WithoutBlanks(SlingTexts::ExpressionOf(value).value_or(""));
    const std::string state = "state." + name;
    Map out;
    if (page_param_.empty()) return WrittenError(value.line, "paging by what is no query parameter");
    if (expression == state + "+1") {
      ARROW_RETURN_NOT_OK(PutCounter("page", name, value.line, &out));
    } else if (expression.starts_with(state + "+state.")) {
      ARROW_RETURN_NOT_OK(PutCounter("offset", name, value.line, &out));
      ARROW_RETURN_NOT_OK(PutSize(expression.substr(state.size() + 7), value.line, &out));
    } else if (const auto path = PathBelow("response.json.", expression)) {
      Put(&out, "type", "cursor");
      Put(&out, "next", Literal(*path));
      Put(&out, "param", Literal(page_param_));
    } else {
      return WrittenError(value.line, "next_state: `" + value.text + "`");
    }
    ARROW_RETURN_NOT_OK(PutStop(Given(*paging, "stop_condition"), &out));
    Put(&out_, "paginate", Value::OfMap(std::move(out)));
    return Status::OK();
  }

  Status PutCounter(const char* type, const std::string& state, uint32_t line, Map* out) {
    const WrittenValue* first = texts_.State(state);
    const Value number = first == nullptr ? Value::Null() : Value::NumberText(first->text);
    if (number.kind() != Value::Kind::kInt) return WrittenError(line, "paging from what is no number");
    Put(out, "type", type);
    Put(out, "param", Literal(page_param_));
    Put(out, "start", number);
    return Status::OK();
  }

  Status PutSize(const std::string& state, uint32_t line, Map* out) {
    const WrittenValue* size = texts_.State(state);
    const Value number = size == nullptr ? Value::Null() : Value::NumberText(size->text);
    size_param_ = ParamOf(state);
    if (number.kind() != Value::Kind::kInt || size_param_.empty())
      return WrittenError(line, "offsets whose step is not sent");
    Put(out, "page_size", number);
    Put(out, "size_param", Literal(size_param_));
    return Status::OK();
  }

  // Paging ends with an empty page, and by a missing token, anyway.
  Status PutStop(const WrittenValue* condition, Map* out) {
    if (condition == nullptr) return Status::OK();
    const std::string text = WithoutBlanks(condition->text);
    const std::string count = "length(response.records)";
    const Value* next = airbyte::FindKey(*out, "next");
    const std::string token = next == nullptr ? "" : "response.json." + next->as_string();
    if (text == count + "==0") return Status::OK();
    if (!token.empty() && (text == token + "==null" || text == token + "==\"\"" || text == "is_null(" + token + ")" ||
                           text == "is_empty(" + token + ")")) {
      return Status::OK();
    }
    if (const auto flag = PathBelow("!response.json.", text)) {
      Put(out, "has_more", Literal(*flag));
    } else if (text.ends_with("==false") && PathBelow("response.json.", text.substr(0, text.size() - 7))) {
      Put(out, "has_more", Literal(*PathBelow("response.json.", text.substr(0, text.size() - 7))));
    } else if (text.starts_with(count + "<")) {
      std::string limit = text.substr(count.size() + 1);
      const WrittenValue* state = limit.starts_with("state.") ? texts_.State(limit.substr(6)) : nullptr;
      if (state != nullptr) limit = state->text;
      if (Value::NumberText(limit).kind() != Value::Kind::kInt || limit.empty())
        return WrittenError(condition->line, "stop_condition: `" + condition->text + "`");
      Put(out, "stop", "{{ count < " + limit + " }}");
    } else {
      return WrittenError(condition->line, "stop_condition: `" + condition->text + "`");
    }
    return Status::OK();
  }

  Status ReadRequest() {
    const WrittenValue* request = Given(endpoint_, "request");
    if (request == nullptr) return WrittenError(endpoint_.line, "an endpoint without a request");
    ARROW_RETURN_NOT_OK(
        RefuseOtherKeys(*request, "a request",
                        {"url", "method", "headers", "parameters", "payload", "rate", "concurrency", "timeout"}));
    const WrittenValue* url = Given(*request, "url");
    if (url == nullptr) return WrittenError(request->line, "a request without url");
    ARROW_ASSIGN_OR_RAISE(std::string native, texts_.Native(*url));
    const bool absolute = native.starts_with("http") || native.starts_with("${");
    const char behind = native.size() > base_url_.size() ? native[base_url_.size()] : '/';
    if (absolute && (!native.starts_with(base_url_) || (behind != '/' && behind != '?'))) {
      return WrittenError(url->line, "a url that is not below base_url");
    }
    if (absolute) native.erase(0, base_url_.size());
    if (!native.starts_with('/') && !native.starts_with('?')) native.insert(0, "/");
    out_.insert(out_.begin(), {"path", Value::String(std::move(native))});
    if (const WrittenValue* method = Given(*request, "method"); method != nullptr && method->text != "GET") {
      if (method->text != "POST" && method->text != "PUT")
        return WrittenError(method->line, "the method " + method->text);
      Put(&out_, "method", method->text);
    }
    ARROW_RETURN_NOT_OK(PutTexts(Given(*request, "parameters"), "params"));
    ARROW_RETURN_NOT_OK(PutTexts(Given(*request, "headers"), "headers"));
    const WrittenValue* payload = Given(*request, "payload");
    if (payload == nullptr) return Status::OK();
    if (payload->kind != Kind::kMap) return WrittenError(payload->line, "a payload that is no mapping");
    ARROW_ASSIGN_OR_RAISE(Value body, JsonOf(*payload, [this](const WrittenValue& text) { return SaidInBody(text); }));
    Put(&out_, "body", std::move(body));
    return Status::OK();
  }

  Status PutTexts(const WrittenValue* map, const char* key) {
    if (map == nullptr) return Status::OK();
    const bool params = std::string_view(key) == "params";
    Map out;
    for (const auto& [name, value] : map->entries) {
      const bool moved =
          params && !name.empty() && (name == page_param_ || name == size_param_ || name == cursor_param_);
      if (moved || value.kind == Kind::kNull) continue;
      ARROW_ASSIGN_OR_RAISE(std::string text, texts_.Native(value));
      Put(&out, name, std::move(text));
    }
    if (!out.empty()) Put(&out_, key, Value::OfMap(std::move(out)));
    return Status::OK();
  }

  // `{state.limit}` alone keeps the type of what it holds.
  Result<Value> SaidInBody(const WrittenValue& text) {
    const auto state = SlingTexts::StateOf(text);
    const WrittenValue* held = state ? texts_.State(*state) : nullptr;
    if (held != nullptr && held->kind == Kind::kNumber) return Value::NumberText(held->text);
    ARROW_ASSIGN_OR_RAISE(std::string native, texts_.Native(text));
    return Value::String(std::move(native));
  }

  Status ReadResponse() {
    const WrittenValue* response = Given(endpoint_, "response");
    if (response == nullptr) return WrittenError(endpoint_.line, "an endpoint without `response.records`");
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(*response, "a response", {"records", "processors", "format"}));
    if (const WrittenValue* format = Given(*response, "format"); format != nullptr && format->text != "json") {
      return WrittenError(format->line, "the format " + format->text);
    }
    const WrittenValue* records = Given(*response, "records");
    if (records == nullptr) return WrittenError(response->line, "a response without records");
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(*records, "records", {"jmespath", "primary_key", "duplicate_tolerance"}));
    const WrittenValue* path = Given(*records, "jmespath");
    if (path == nullptr) return WrittenError(records->line, "records without jmespath");
    ARROW_ASSIGN_OR_RAISE(const std::string native, RecordsOf(*path));
    Put(&out_, "records", native);
    const WrittenValue* key = Given(*records, "primary_key");
    if (key == nullptr) return Status::OK();
    List fields;
    for (const WrittenValue& field : key->kind == Kind::kList ? key->items : std::vector<WrittenValue>{*key}) {
      fields.push_back(Value::String(Literal(field.text)));
    }
    Put(&out_, "primary_key", fields.size() == 1 ? fields[0] : Value::OfList(std::move(fields)));
    return Status::OK();
  }

  // "data.users[]", "data[*]", "[]", "@": a plain path; lists of lists are flattened by both.
  static Result<std::string> RecordsOf(const WrittenValue& path) {
    std::string text = path.text;
    for (const std::string_view all : {"[]", "[*]"}) {
      if (text.ends_with(all)) text.erase(text.size() - all.size());
    }
    if (text.empty() || text == "@") return std::string(".");
    if (!PathBelow("x.", "x." + text)) return WrittenError(path.line, "jmespath: `" + path.text + "`");
    return text;
  }

  const WrittenValue& endpoint_;
  const std::string& base_url_;
  SlingTexts& texts_;
  std::string page_param_, size_param_, cursor_param_;
  Map out_;
};

}  // namespace

Result<Map> ReadSlingEndpoint(const WrittenValue& endpoint, const std::string& base_url, SlingTexts* texts) {
  return EndpointReader(endpoint, base_url, texts).Read();
}

}  // namespace firn::connector::foreign
