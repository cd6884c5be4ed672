#include "source/rest/request_builder.h"

#include <algorithm>
#include <cctype>

#include "io/url.h"
#include "source/rest/errors.h"

namespace firn::source::rest {
namespace {

using connector::BodyTemplate;
using expression::Scope;
using expression::Value;

bool IsAbsolute(std::string_view url) {
  return url.rfind("http://", 0) == 0 || url.rfind("https://", 0) == 0;
}

// Encodes what may not stand in a URL at all; '%' and reserved characters written by hand are kept.
std::string EncodeUnsafe(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte > 0x20 && byte < 0x7F && std::string_view("\"<>\\^`{|}").find(c) == std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

// Sets the value at a dotted path, making objects on the way.
Value WithPath(const Value& object, std::string_view path, const Value& value) {
  const size_t dot = path.find('.');
  const std::string key(path.substr(0, dot));
  expression::Map entries = object.kind() == Value::Kind::kMap ? object.as_map() : expression::Map();
  const Value* old = object.Find(key);
  Value inner =
      dot == std::string_view::npos ? value : WithPath(old ? *old : Value::Null(), path.substr(dot + 1), value);
  entries.emplace_back(key, std::move(inner));
  return Value::OfMap(std::move(entries));
}

Result<Value> Render(const BodyTemplate& body, const Scope& scope) {
  switch (body.kind) {
    case BodyTemplate::Kind::kConstant:
      return expression::ParseJson(body.constant);
    case BodyTemplate::Kind::kTemplate:
      return body.text.Evaluate(scope);
    case BodyTemplate::Kind::kObject: {
      expression::Map entries;
      for (size_t i = 0; i < body.keys.size(); ++i) {
        ARROW_ASSIGN_OR_RAISE(Value value, Render(body.items[i], scope));
        entries.emplace_back(body.keys[i], std::move(value));
      }
      return Value::OfMap(std::move(entries));
    }
    case BodyTemplate::Kind::kList: {
      expression::List items;
      for (const auto& item : body.items) {
        ARROW_ASSIGN_OR_RAISE(Value value, Render(item, scope));
        items.push_back(std::move(value));
      }
      return Value::OfList(std::move(items));
    }
  }
  return Value::Null();
}

// Query parameters in order; setting a name drops what was there.
class Query {
 public:
  void Set(const std::string& name, const Value& value) {
    std::erase_if(items_, [&](const auto& item) { return item.first == name; });
    if (value.is_null()) return;
    if (value.kind() != Value::Kind::kList) {
      items_.emplace_back(name, expression::ToText(value));
      return;
    }
    for (const Value& item : value.as_list()) items_.emplace_back(name, expression::ToText(item));
  }
  std::string AppendTo(std::string url) const {
    std::vector<std::string> replaced;
    for (const auto& [name, value] : items_) {
      const bool again = std::find(replaced.begin(), replaced.end(), name) != replaced.end();
      url = again ? io::WithQuery(url, name, value) : io::WithQueryReplaced(url, name, value);
      replaced.push_back(name);
    }
    return url;
  }

 private:
  std::vector<std::pair<std::string, std::string>> items_;
};

}  // namespace

Scope ScopeOf(const SliceScope& slice) {
  Scope scope{.clock = slice.clock};
  if (slice.parent) scope.names.emplace_back("parent", *slice.parent);
  if (slice.partition) scope.names.emplace_back("partition", *slice.partition);
  if (slice.job) scope.names.emplace_back("job", *slice.job);
  const auto bound = [](const std::optional<std::string>& text) { return text ? Value::String(*text) : Value::Null(); };
  scope.names.emplace_back("incremental", Value::OfMap({{"start", bound(slice.lower)}, {"end", bound(slice.upper)}}));
  return scope;
}

Status RequestBuilder::Located(const Status& status, const std::string& part) const {
  if (status.ok()) return status;
  const expression::Range range = expression::RangeOf(status);
  std::string why = part;
  if (range.end > 0) why += ", characters " + std::to_string(range.begin + 1) + " to " + std::to_string(range.end);
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0440",
                     .message = "table " + table_.name + ": " + status.message(),
                     .where = table_.where,
                     .why = std::move(why),
                     .next = "correct the expression, or give it a value with | default(…)"});
}

Result<std::string> RequestBuilder::Join(const std::string& path) const {
  if (IsAbsolute(path)) return OnSameOrigin(plan_.base_url, path, table_.where);
  if (path.empty()) return plan_.base_url;
  const bool slash = plan_.base_url.ends_with('/');
  if (path[0] == '?') return plan_.base_url + path;
  return plan_.base_url + (slash || path[0] == '/' ? "" : "/") + (slash && path[0] == '/' ? path.substr(1) : path);
}

Result<std::string> RequestBuilder::Url(const Scope& scope, const SliceScope& slice) const {
  const auto segment = [&](const std::string& value) -> Result<std::string> {
    if (value.empty()) return MakeError(Fault::kConfig, "the expression is empty here");
    // "." and ".." would climb out of the path even when encoded.
    if (value == "." || value == "..") return MakeError(Fault::kConfig, "a path segment cannot be '.' or '..'");
    return io::UrlEncode(value);
  };
  auto path = table_.path.RenderEncoded(scope, segment);
  if (!path.ok()) return Located(path.status(), "path");
  ARROW_ASSIGN_OR_RAISE(std::string url, Join(EncodeUnsafe(*path)));
  Query query;
  for (const auto* params : {&plan_.params, &table_.params}) {
    for (const auto& [name, text] : *params) {
      auto value = text.Evaluate(scope);
      if (!value.ok()) return Located(value.status(), "parameter " + name);
      query.Set(name, *value);
    }
  }
  if (!table_.partition_param.empty() && slice.partition) {
    query.Set(table_.partition_param, *slice.partition->Find(table_.partition_name));
  }
  if (table_.incremental) {
    const auto set = [&](const std::string& param, const std::optional<std::string>& bound) {
      if (!param.empty() && bound) query.Set(param, Value::String(*bound));
    };
    set(table_.incremental->param, slice.lower);
    set(table_.incremental->end_param, slice.upper);
  }
  return query.AppendTo(std::move(url));
}

Result<std::string> RequestBuilder::Body(const Scope& scope, const PageRequest& page) const {
  Value body = Value::OfMap({});
  if (table_.body) {
    auto rendered = Render(*table_.body, scope);
    if (!rendered.ok()) return Located(rendered.status(), "body");
    body = *rendered;
  }
  for (const auto& [path, value] : page.body) body = WithPath(body, path, value);
  return expression::ToJson(body);
}

void RequestBuilder::SetLimits(io::HttpRequest* request) const {
  const connector::HttpPlan& http = plan_.http;
  const auto set = [](int64_t ms, io::milliseconds* target) {
    if (ms > 0) *target = io::milliseconds(ms);
  };
  set(http.connect_timeout_ms, &request->timeouts.connect);
  set(http.first_byte_timeout_ms, &request->timeouts.first_byte);
  set(http.idle_timeout_ms, &request->timeouts.idle);
  set(http.total_timeout_ms, &request->timeouts.total);
  if (http.body_bytes_max > 0) request->body_bytes_max = http.body_bytes_max;
  request->private_redirects = http.allow_private_redirects;
  request->repeatable = true;  // the source is only read (DESIGN.md §5.7), POST searches included
}

Result<io::HttpRequest> RequestBuilder::Build(const SliceScope& slice, const PageRequest& page,
                                              const std::string& current_url) const {
  const Scope scope = ScopeOf(slice);
  io::HttpRequest request{.method = table_.method};
  if (!page.url.empty()) {
    ARROW_ASSIGN_OR_RAISE(const std::string url,
                          io::ResolveUrl(current_url.empty() ? plan_.base_url : current_url, page.url));
    ARROW_ASSIGN_OR_RAISE(request.url, OnSameOrigin(plan_.base_url, url, table_.where));
  } else {
    ARROW_ASSIGN_OR_RAISE(request.url, Url(scope, slice));
  }
  for (const auto& [name, value] : page.query) request.url = io::WithQueryReplaced(request.url, name, value);
  for (const auto* headers : {&plan_.headers, &table_.headers}) {
    for (const auto& [name, text] : *headers) {
      auto value = text.Render(scope);
      if (!value.ok()) return Located(value.status(), "header " + name);
      if (value->find_first_of("\r\n") != std::string::npos) {
        return Located(MakeError(Fault::kConfig, "a header value has a line break"), "header " + name);
      }
      request.headers.Set(name, *value);
    }
  }
  if (!request.headers.Has("Accept")) request.headers.Set("Accept", "application/json");
  if (table_.body || !page.body.empty()) {
    ARROW_ASSIGN_OR_RAISE(request.body, Body(scope, page));
    if (!request.headers.Has("Content-Type")) request.headers.Set("Content-Type", "application/json");
  }
  SetLimits(&request);
  return request;
}

Result<std::string> OnSameOrigin(const std::string& base_url, const std::string& url, const std::string& where) {
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts base, io::ParseUrl(base_url));
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(url));
  if (target.SameOrigin(base)) return url;
  const bool default_port = target.port == (target.scheme == "http" ? 80 : 443);
  if (target.host == base.host && default_port && base.scheme == "https") {
    const size_t path = base_url.find('/', base_url.find("//") + 2);
    return base_url.substr(0, path) + target.path_and_query;
  }
  return NamedError({.fault = Fault::kBadData,
                     .code = "E0434",
                     .message = "a request would go to another host than base_url",
                     .where = where,
                     .why = "host " + target.host + ":" + std::to_string(target.port) + ", base_url has " + base.host +
                            ":" + std::to_string(base.port),
                     .next = "if that host is right, set base_url to it"});
}

}  // namespace firn::source::rest
