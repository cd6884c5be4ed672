#include <algorithm>
#include <array>

#include "connector/airbyte/component.h"
#include "connector/foreign/dlt.h"

namespace firn::connector::foreign {
namespace {

using Kind = WrittenValue::Kind;

struct Shape {
  std::string_view class_name;
  std::string_view type;                      // in a dictionary
  std::array<std::string_view, 4> arguments;  // by their place
};

constexpr std::array<Shape, 12> kShapes = {
    Shape{"BearerTokenAuth", "bearer", {"token"}},
    Shape{"HttpBasicAuth", "http_basic", {"username", "password"}},
    Shape{"APIKeyAuth", "api_key", {"name", "api_key", "location"}},
    Shape{"OAuth2ClientCredentials", "oauth2_client_credentials", {"access_token_url", "client_id", "client_secret"}},
    Shape{"JSONLinkPaginator", "json_link", {"next_url_path"}},
    Shape{"JSONResponsePaginator", "json_link", {"next_url_path"}},
    Shape{"HeaderLinkPaginator", "header_link", {"links_next_key"}},
    Shape{"HeaderCursorPaginator", "header_cursor", {"cursor_key", "cursor_param"}},
    Shape{"OffsetPaginator", "offset", {"limit", "offset", "offset_param", "limit_param"}},
    Shape{"PageNumberPaginator", "page_number", {"base_page", "page", "page_param", "total_path"}},
    Shape{"JSONResponseCursorPaginator", "cursor", {"cursor_path", "cursor_param"}},
    Shape{"SinglePagePaginator", "single_page", {}},
};

// A class of dlt's, or a type's name alone, as the dictionary that says the same.
Result<WrittenValue> AsDictionary(const WrittenValue& value) {
  if (value.kind == Kind::kMap) return value;
  WrittenValue map{.kind = Kind::kMap, .line = value.line};
  const auto put_type = [&](std::string_view type) {
    map.entries.emplace_back("type",
                             WrittenValue{.kind = Kind::kString, .line = value.line, .text = std::string(type)});
  };
  if (value.kind == Kind::kString) {
    put_type(value.text);
    return map;
  }
  if (value.kind == Kind::kCall) {
    const std::string name = value.text.substr(value.text.rfind('.') + 1);
    const auto shape = std::ranges::find(kShapes, name, &Shape::class_name);
    if (shape != kShapes.end() && value.items.size() <= shape->arguments.size()) {
      put_type(shape->type);
      for (size_t i = 0; i < value.items.size(); ++i)
        map.entries.push_back({std::string(shape->arguments[i]), value.items[i]});
      map.entries.insert(map.entries.end(), value.entries.begin(), value.entries.end());
      return map;
    }
  }
  return WrittenError(value.line, "`" + value.text + "` is none of the classes that are known");
}

Result<std::string> PlainText(const WrittenValue& value) {
  if (value.kind == Kind::kString || value.kind == Kind::kNumber) return value.text;
  return WrittenError(value.line, "a constant is needed here");
}

class AuthReader {
 public:
  AuthReader(const WrittenValue& map, DltSettings* settings) : map_(map), settings_(*settings) {}

  Result<Map> Read() {
    std::string type = "bearer";  // dlt: a dictionary without a type is one
    if (const WrittenValue* written = Given(map_, "type")) {
      ARROW_ASSIGN_OR_RAISE(type, PlainText(*written));
    }
    if (type == "bearer") {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "auth", {"type", "token"}));
      Put(&out_, "type", "bearer");
      ARROW_RETURN_NOT_OK(Field("token", "token", "token"));
    } else if (type == "http_basic") {
      ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "auth", {"type", "username", "password"}));
      Put(&out_, "type", "basic");
      ARROW_RETURN_NOT_OK(Field("username", "username", ""));
      ARROW_RETURN_NOT_OK(Field("password", "password", "password"));
    } else if (type == "api_key") {
      ARROW_RETURN_NOT_OK(ApiKey());
    } else if (type == "oauth2_client_credentials") {
      ARROW_RETURN_NOT_OK(ClientCredentials());
    } else {
      return WrittenError(map_.line, "auth of type `" + type + "`");
    }
    return std::move(out_);
  }

 private:
  Status Field(std::string_view key, std::string native, const std::string& secret_name) {
    const WrittenValue* value = Given(map_, key);
    if (value == nullptr) return WrittenError(map_.line, "auth without `" + std::string(key) + "`");
    ARROW_ASSIGN_OR_RAISE(std::string text, settings_.Text(*value, secret_name));
    Put(&out_, std::move(native), std::move(text));
    return Status::OK();
  }

  Status ApiKey() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "auth", {"type", "name", "api_key", "location"}));
    Put(&out_, "type", "api_key");
    if (const WrittenValue* location = Given(map_, "location")) {
      ARROW_ASSIGN_OR_RAISE(const std::string where, PlainText(*location));
      if (where == "query" || where == "param") {
        Put(&out_, "in", "query");
      } else if (where != "header") {
        return WrittenError(location->line, "a key in a " + where);
      }
    }
    Put(&out_, "name", "Authorization");  // dlt's default
    if (const WrittenValue* name = Given(map_, "name")) {
      ARROW_ASSIGN_OR_RAISE(const std::string text, PlainText(*name));
      out_.back().second = Value::String(Literal(text));
    }
    return Field("api_key", "value", "api_key");
  }

  Status ClientCredentials() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "auth",
                                        {"type", "access_token_url", "client_id", "client_secret",
                                         "access_token_request_data", "default_token_expiration"}));
    Put(&out_, "type", "oauth2");
    ARROW_RETURN_NOT_OK(Field("access_token_url", "token_url", ""));
    ARROW_RETURN_NOT_OK(Field("client_id", "client_id", ""));
    ARROW_RETURN_NOT_OK(Field("client_secret", "client_secret", "client_secret"));
    const WrittenValue* data = Given(map_, "access_token_request_data");
    if (data == nullptr) return Status::OK();
    Map params;
    for (const auto& [key, value] : data->entries) {
      ARROW_ASSIGN_OR_RAISE(std::string text, settings_.Text(value));
      if (key != "grant_type") Put(&params, key, std::move(text));
    }
    if (!params.empty()) Put(&out_, "params", Value::OfMap(std::move(params)));
    return Status::OK();
  }

  const WrittenValue& map_;
  DltSettings& settings_;
  Map out_;
};

class PaginatorReader {
 public:
  PaginatorReader(const WrittenValue& map, Map* body) : map_(map), body_(*body) {}

  Result<Value> Read() {
    std::string type = "auto";
    if (const WrittenValue* written = Given(map_, "type")) {
      ARROW_ASSIGN_OR_RAISE(type, PlainText(*written));
    }
    if (type == "auto") return Value::String("auto");
    if (type == "single_page") return Value::String("none");
    Status read = WrittenError(map_.line, "a paginator of type `" + type + "`");
    if (type == "json_link" || type == "json_response") read = Link("next_url", "next_url_path", "next");
    if (type == "header_link") read = HeaderLink();
    if (type == "header_cursor") read = HeaderCursor();
    if (type == "cursor") read = Cursor();
    if (type == "page_number") read = PageNumber();
    if (type == "offset") read = Offset();
    ARROW_RETURN_NOT_OK(read);
    return Value::OfMap(std::move(out_));
  }

 private:
  bool IsNone(std::string_view key) const {
    const WrittenValue* value = map_.Find(key);
    return value != nullptr && value->kind == Kind::kNull;
  }

  Status PutPath(std::string_view key, std::string native, const char* otherwise) {
    std::string path = otherwise;
    if (const WrittenValue* value = Given(map_, key)) {
      ARROW_ASSIGN_OR_RAISE(path, PathOfJsonPath(*value));
    }
    if (!path.empty() && !IsNone(key)) Put(&out_, std::move(native), Literal(path));
    return Status::OK();
  }

  Status PutText(std::string_view key, std::string native, const char* otherwise) {
    std::string text = otherwise;
    if (const WrittenValue* value = Given(map_, key)) {
      ARROW_ASSIGN_OR_RAISE(text, PlainText(*value));
    }
    if (!text.empty()) Put(&out_, std::move(native), Literal(text));
    return Status::OK();
  }

  Result<Value> Number(std::string_view key) const {
    const WrittenValue* value = Given(map_, key);
    if (value == nullptr) return Value::Null();
    const Value number = value->kind == Kind::kNumber ? Value::NumberText(value->text) : Value::Null();
    if (number.kind() == Value::Kind::kInt) return number;
    return WrittenError(value->line, "`" + std::string(key) + "` is no whole number");
  }

  // A query parameter, unless it is sent in the body.
  Status PutParam(std::string_view param, std::string_view body_path, const char* otherwise) {
    if (Given(map_, body_path) != nullptr) return PutPath(body_path, "body_path", "");
    return PutText(param, "param", otherwise);
  }

  Status Link(const char* native_type, std::string_view key, const char* otherwise) {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "paginator", {"type", "next_url_path"}));
    Put(&out_, "type", native_type);
    return PutPath(key, "next", otherwise);
  }

  Status HeaderLink() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "paginator", {"type", "links_next_key"}));
    Put(&out_, "type", "link_header");
    return PutText("links_next_key", "rel", "");
  }

  Status HeaderCursor() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "paginator", {"type", "cursor_key", "cursor_param"}));
    Put(&out_, "type", "cursor");
    ARROW_RETURN_NOT_OK(PutText("cursor_key", "header", "next"));
    return PutText("cursor_param", "param", "cursor");
  }

  Status Cursor() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(
        map_, "paginator",
        {"type", "cursor_path", "cursor_param", "cursor_body_path", "stop_after_empty_page", "has_more_path"}));
    Put(&out_, "type", "cursor");
    ARROW_RETURN_NOT_OK(PutPath("cursor_path", "next", "cursors.next"));
    ARROW_RETURN_NOT_OK(PutParam("cursor_param", "cursor_body_path", "cursor"));
    ARROW_RETURN_NOT_OK(PutPath("has_more_path", "has_more", ""));
    const WrittenValue* stop = Given(map_, "stop_after_empty_page");
    if (stop != nullptr && stop->text == "True") Put(&out_, "stop", "{{ count == 0 }}");
    return Status::OK();
  }

  Status RefuseMaximum(std::string_view maximum) const {
    if (Given(map_, maximum) == nullptr) return Status::OK();
    return WrittenError(map_.line, "`" + std::string(maximum) + "`: pages that are not read");
  }

  // Totals and flags go before an empty page here; dlt ends with it unless it is told not to.
  void PutStop() {
    const WrittenValue* stop = Given(map_, "stop_after_empty_page");
    if (stop == nullptr || stop->text == "True") Put(&out_, "stop", "{{ count == 0 }}");
  }

  Status PageNumber() {
    ARROW_RETURN_NOT_OK(RefuseOtherKeys(map_, "paginator",
                                        {"type", "base_page", "page", "page_param", "page_body_path", "total_path",
                                         "maximum_page", "stop_after_empty_page", "has_more_path"}));
    ARROW_RETURN_NOT_OK(RefuseMaximum("maximum_page"));
    Put(&out_, "type", "page");
    ARROW_RETURN_NOT_OK(PutParam("page_param", "page_body_path", "page"));
    ARROW_ASSIGN_OR_RAISE(const Value base, Number("base_page"));
    ARROW_ASSIGN_OR_RAISE(const Value page, Number("page"));
    const int64_t first = base.is_null() ? 0 : base.as_int();
    if (!page.is_null() && page.as_int() != first)
      return WrittenError(map_.line, "`page`: pages before it are not read");
    Put(&out_, "start", Value::Int(first));
    ARROW_RETURN_NOT_OK(PutPath("total_path", "total_pages", "total"));
    ARROW_RETURN_NOT_OK(PutPath("has_more_path", "has_more", ""));
    const bool counts =
        airbyte::FindKey(out_, "total_pages") != nullptr || airbyte::FindKey(out_, "has_more") != nullptr;
    if (counts) PutStop();
    return Status::OK();
  }

  Status Offset() {
    ARROW_RETURN_NOT_OK(
        RefuseOtherKeys(map_, "paginator",
                        {"type", "limit", "offset", "offset_param", "offset_body_path", "limit_param",
                         "limit_body_path", "total_path", "maximum_offset", "stop_after_empty_page", "has_more_path"}));
    ARROW_RETURN_NOT_OK(RefuseMaximum("maximum_offset"));
    Put(&out_, "type", "offset");
    ARROW_RETURN_NOT_OK(PutParam("offset_param", "offset_body_path", "offset"));
    ARROW_ASSIGN_OR_RAISE(const Value offset, Number("offset"));
    if (!offset.is_null() && offset.as_int() != 0) Put(&out_, "start", offset);
    ARROW_ASSIGN_OR_RAISE(const Value limit, Number("limit"));
    if (limit.is_null()) return WrittenError(map_.line, "an offset paginator without `limit`");
    if (const WrittenValue* path = Given(map_, "limit_body_path")) {
      ARROW_ASSIGN_OR_RAISE(const std::string field, PathOfJsonPath(*path));
      if (field.find('.') != std::string::npos) return WrittenError(path->line, "`limit_body_path` with several steps");
      airbyte::SetKey(body_, field, limit);
    } else {
      Put(&out_, "page_size", limit);
      ARROW_RETURN_NOT_OK(PutText("limit_param", "size_param", "limit"));
    }
    ARROW_RETURN_NOT_OK(PutPath("total_path", "total_rows", "total"));
    ARROW_RETURN_NOT_OK(PutPath("has_more_path", "has_more", ""));
    if (airbyte::FindKey(out_, "has_more") != nullptr) PutStop();
    return Status::OK();
  }

  const WrittenValue& map_;
  Map& body_;
  Map out_;
};

}  // namespace

void DltSettings::Add(const WrittenValue& setting) {
  const auto known = std::ranges::find(all_, setting.text, &Setting::name);
  if (known != all_.end()) {
    known->secret = known->secret || setting.is_secret;
    return;
  }
  all_.push_back(
      {.name = setting.text, .doc = setting.text, .secret = setting.is_secret, .is_list = false, .otherwise = {}});
}

Result<std::string> DltSettings::Text(const WrittenValue& value, const std::string& secret_name) {
  switch (value.kind) {
    case Kind::kSetting:
      Add(value);
      return SettingText(value.text);
    case Kind::kText:
      for (const WrittenValue& setting : value.items) Add(setting);
      return value.text;
    case Kind::kString:
      if (secret_name.empty()) return Literal(value.text);
      Add({.kind = Kind::kSetting,
           .line = value.line,
           .text = secret_name,
           .is_secret = true,
           .items = {},
           .entries = {}});
      return SettingText(secret_name);
    case Kind::kNumber:
    case Kind::kBool:
      return value.text;  // as Python prints it
    default:
      return WrittenError(value.line, "a text is needed here");
  }
}

Result<std::string> PathOfJsonPath(const WrittenValue& value) {
  std::string path = value.text;
  if (path.starts_with("$")) path.erase(0, path.starts_with("$.") ? 2 : 1);
  for (size_t all = path.find("[*]"); all != std::string::npos; all = path.find("[*]")) {
    path.replace(all, 3, all + 3 == path.size() ? "" : ".*");
  }
  const bool plain = value.kind == Kind::kString && path.find_first_of("[]?@()'\"$ ,{}") == std::string::npos &&
                     value.text.find("..") == std::string::npos;
  if (!plain) return WrittenError(value.line, "the JSONPath `" + value.text + "`");
  return path;
}

Result<Map> ReadDltAuth(const WrittenValue& value, DltSettings* settings) {
  ARROW_ASSIGN_OR_RAISE(const WrittenValue map, AsDictionary(value));
  return AuthReader(map, settings).Read();
}

Result<Value> ReadDltPaginator(const WrittenValue& value, Map* body) {
  ARROW_ASSIGN_OR_RAISE(const WrittenValue map, AsDictionary(value));
  return PaginatorReader(map, body).Read();
}

}  // namespace firn::connector::foreign
