#include "source/steps/request.h"

#include <string_view>

#include "expression/javascript/utf16.h"
#include "io/url.h"

namespace firn::source::steps {
namespace {

using connector::steps::RequestPlan;
using connector::steps::TextOf;
using connector::steps::ValueTree;
using expression::javascript::Object;
using expression::javascript::Scope;
using expression::javascript::ToUtf8;
using expression::javascript::Value;

Status NoRequest(std::string message, std::string next) {
  return MakeError(Fault::kBadData, std::move(message), {.code = "E0535", .next = std::move(next)});
}

// What `next` says of a part; undefined: nothing.
Value PartOf(const Value& next, std::u16string_view part) {
  const Value* value = next.is_object() ? next.as_object().Find(part) : nullptr;
  return value == nullptr ? Value() : *value;
}

Status CheckNext(const Value& next) {
  if (next.is_undefined()) return Status::OK();
  if (!next.is_object()) {
    return NoRequest("`next` gives no object", "let it give {params: …}, {url: …}, {headers: …}, {json: …} or null");
  }
  for (const auto& [key, value] : next.as_object().entries()) {
    if (key == u"params" || key == u"url" || key == u"headers" || key == u"json") continue;
    return NoRequest("`next` says `" + ToUtf8(key) + "`, which no request has",
                     "let it give {params: …}, {url: …}, {headers: …}, {json: …} or null");
  }
  return Status::OK();
}

// Lays the properties of `over` over those of `under`.
Value Merged(const Value& under, const Value& over) {
  if (!over.is_object()) return under;
  Object merged;
  if (under.is_object()) merged = under.as_object();
  for (const auto& [key, value] : over.as_object().entries()) merged.Put(key, value);
  return Value::OfObject(std::move(merged));
}

Status AddParam(const std::string& name, const Value& value, bool replaces, std::string* url) {
  if (value.is_nullish()) return Status::OK();
  if (value.is_array()) {
    for (const Value& item : value.items()) ARROW_RETURN_NOT_OK(AddParam(name, item, false, url));
    return Status::OK();
  }
  if (value.is_object())
    return NoRequest("the parameter `" + name + "` is an object", "give a text, a number or a list");
  *url = replaces ? io::WithQueryReplaced(*url, name, TextOf(value)) : io::WithQuery(*url, name, TextOf(value));
  return Status::OK();
}

Result<std::string> UrlOf(const RequestPlan& plan, const Scope& scope, const Value& next,
                          const std::string& page_before) {
  ARROW_ASSIGN_OR_RAISE(const Value written, plan.params.Evaluate(scope));
  const Value target = PartOf(next, u"url");
  if (target.is_nullish()) {
    ARROW_ASSIGN_OR_RAISE(std::string url, plan.url.RenderUrl(scope));
    const Value params = Merged(written, PartOf(next, u"params"));
    if (params.is_object()) {
      for (const auto& [key, value] : params.as_object().entries()) {
        ARROW_RETURN_NOT_OK(AddParam(ToUtf8(key), value, true, &url));
      }
    }
    return url;
  }
  ARROW_ASSIGN_OR_RAISE(std::string url, io::ResolveUrl(page_before, TextOf(target)));
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts before, io::ParseUrl(page_before));
  ARROW_ASSIGN_OR_RAISE(const io::UrlParts after, io::ParseUrl(url));
  if (!before.SameOrigin(after)) {
    return MakeError(Fault::kConfig, "the next page is on another host: " + io::RedactUrl(url),
                     {.code = "E0537",
                      .why = "the credentials of this request would go there",
                      .next = "make it a step of its own, with the headers that it may have"});
  }
  const Value params = PartOf(next, u"params");
  if (params.is_object()) {
    for (const auto& [key, value] : params.as_object().entries()) {
      ARROW_RETURN_NOT_OK(AddParam(ToUtf8(key), value, true, &url));
    }
  }
  return url;
}

Status AddHeader(const std::string& name, const Value& value, io::HttpRequest* request) {
  if (value.is_nullish()) return Status::OK();
  const std::string text = TextOf(value);
  if (text.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) {
    return NoRequest("the header `" + name + "` has a line end in its value", "take it out, for example by trim()");
  }
  request->headers.Set(name, text);
  return Status::OK();
}

Status AddBody(const RequestPlan& plan, const Scope& scope, const Value& next, io::HttpRequest* request) {
  if (plan.form.kind != ValueTree::Kind::kAbsent) {
    ARROW_ASSIGN_OR_RAISE(const Value form, plan.form.Evaluate(scope));
    std::string url = "http://form/";
    for (const auto& [key, value] : form.as_object().entries()) {
      ARROW_RETURN_NOT_OK(AddParam(ToUtf8(key), value, false, &url));
    }
    const size_t query = url.find('?');
    request->body = query == std::string::npos ? "" : url.substr(query + 1);
    request->headers.Set("Content-Type", "application/x-www-form-urlencoded");
    return Status::OK();
  }
  const Value more = PartOf(next, u"json");
  if (plan.json.kind == ValueTree::Kind::kAbsent && more.is_undefined()) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const Value json, plan.json.Evaluate(scope));
  request->body = expression::javascript::ToJson(Merged(json, more));
  request->headers.Set("Content-Type", "application/json");
  return Status::OK();
}

}  // namespace

Result<io::HttpRequest> MakeRequest(const RequestPlan& plan, const Scope& scope, const Value& next,
                                    const std::string& page_before) {
  ARROW_RETURN_NOT_OK(CheckNext(next));
  // Reading is repeatable by nature; what a workflow asks for by POST is a search, or a job that is made anew.
  io::HttpRequest request{.method = plan.method, .repeatable = true};
  ARROW_ASSIGN_OR_RAISE(request.url, UrlOf(plan, scope, next, page_before));
  request.headers.Set("Accept", "application/json");
  ARROW_RETURN_NOT_OK(AddBody(plan, scope, next, &request));
  for (const auto& [name, text] : plan.headers) {
    ARROW_ASSIGN_OR_RAISE(const Value value, text.Evaluate(scope));
    ARROW_RETURN_NOT_OK(AddHeader(name, value, &request));
  }
  const Value more = PartOf(next, u"headers");
  if (more.is_object()) {
    for (const auto& [key, value] : more.as_object().entries()) {
      ARROW_RETURN_NOT_OK(AddHeader(ToUtf8(key), value, &request));
    }
  }
  return request;
}

}  // namespace firn::source::steps
