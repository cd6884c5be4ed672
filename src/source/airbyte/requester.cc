#include "source/airbyte/requester.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/log.h"
#include "io/url.h"
#include "source/airbyte/api_budget.h"
#include "source/airbyte/http_exchange.h"
#include "source/airbyte/messages.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

std::string WithoutLeadingSlashes(const std::string& text) {
  const size_t first = text.find_first_not_of('/');
  return first == std::string::npos ? "" : text.substr(first);
}

}  // namespace

Result<std::unique_ptr<Requester>> Requester::Make(const Component& component, const RunContext& run,
                                                   const std::string& name, bool use_cache) {
  if (component.type() != "HttpRequester") {
    return ManifestError(component, "a requester of type " + component.type() + " cannot be run");
  }
  std::unique_ptr<Requester> requester(new Requester(run));
  requester->name_ = name;
  requester->method_ = component.Text("http_method", "GET");
  requester->use_cache_ = use_cache || component.Flag("use_cache");
  if (const auto* flag = component.value().Find("use_cache");
      flag != nullptr && flag->kind() == expression::Value::Kind::kBool && !flag->as_bool()) {
    requester->use_cache_ = false;
  }
  ARROW_ASSIGN_OR_RAISE(requester->url_, InterpolatedField(component, "url"));
  ARROW_ASSIGN_OR_RAISE(requester->url_base_, InterpolatedField(component, "url_base"));
  ARROW_ASSIGN_OR_RAISE(requester->path_, InterpolatedField(component, "path"));
  if (requester->url_.empty() && requester->url_base_.empty()) {
    return ManifestError(component, "a requester needs `url` or `url_base`");
  }
  const Value parameters = jinja::FromCore(component.Parameters());
  ARROW_RETURN_NOT_OK(requester->MakeOptions(component, parameters));
  ARROW_ASSIGN_OR_RAISE(requester->authenticator_,
                        Authenticator::Make(component.Child("authenticator"), run, name,
                                            requester->url_base_.empty() ? requester->url_ : requester->url_base_));
  ARROW_ASSIGN_OR_RAISE(requester->errors_, ErrorRules::Make(component.Child("error_handler"), run));
  return requester;
}

Status Requester::MakeOptions(const Component& component, const Value& parameters) {
  const auto tree = [&](std::string_view field, InterpolatedTree* out) -> Status {
    const auto* found = component.Find(field);
    if (found == nullptr) return Status::OK();
    expression::Value value = *found;
    if (field == "request_parameters" && value.kind() == expression::Value::Kind::kMap) {
      expression::Map kept;
      for (const auto& [key, item] : value.as_map()) {
        const auto* type = item.Find("type");
        if (type == nullptr || !type->is_string() || type->as_string() != "QueryProperties")
          kept.emplace_back(key, item);
      }
      value = expression::Value::OfMap(std::move(kept));
    }
    ARROW_ASSIGN_OR_RAISE(*out, InterpolatedTree::Make(value, parameters));
    return Status::OK();
  };
  ARROW_RETURN_NOT_OK(tree("request_parameters", &parameters_));
  ARROW_RETURN_NOT_OK(tree("request_headers", &headers_));
  ARROW_RETURN_NOT_OK(tree("request_body_data", &body_data_));
  ARROW_RETURN_NOT_OK(tree("request_body_json", &body_json_));
  const Component body = component.Child("request_body");
  if (!body.present()) return Status::OK();
  const auto* value = body.Find("value");
  if (value == nullptr) return ManifestError(body, "a request_body without its value");
  const bool is_json = body.type() == "RequestBodyJsonObject" || body.type() == "RequestBodyGraphQL";
  expression::Value content = *value;
  if (body.type() == "RequestBodyGraphQL" && content.kind() == expression::Value::Kind::kMap) {
    expression::Map kept = content.as_map();
    connector::airbyte::EraseKey(kept, "type");
    content = expression::Value::OfMap(std::move(kept));
  }
  ARROW_ASSIGN_OR_RAISE((is_json ? body_json_ : body_data_), InterpolatedTree::Make(content, parameters));
  return Status::OK();
}

Result<std::string> Requester::Url(const RequestFor& request, Scope& scope) const {
  std::string path;
  if (request.path && !request.path->empty()) {
    path = *request.path;
  } else {
    ARROW_ASSIGN_OR_RAISE(const std::string own, path_.EvalText(scope));
    path = WithoutLeadingSlashes(own);
  }
  ARROW_ASSIGN_OR_RAISE(const std::string base, url_base_.EvalText(scope));
  if (!base.empty()) return JoinUrl(base, path);
  ARROW_ASSIGN_OR_RAISE(const std::string url, url_.EvalText(scope));
  return path.empty() ? url : JoinUrl(url, path);
}

Result<RequestParts> Requester::Parts(const RequestFor& request, Scope& scope) const {
  RequestParts parts;
  const auto eval = [&](const InterpolatedTree& tree, uint32_t types, Entries* out,
                        std::optional<std::string>* text) -> Status {
    if (tree.empty()) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(const Value value, tree.Eval(scope, types));
    if (value.is_map()) {
      *out = value.as_map();
    } else if (value.is_string() && text != nullptr && !value.as_string().empty()) {
      *text = std::string(value.as_string());
    }
    return Status::OK();
  };
  constexpr uint32_t kTextOrList = jinja::kStringType | jinja::kListType;
  ARROW_RETURN_NOT_OK(eval(parameters_, parameters_.is_text() ? jinja::kAnyType : kTextOrList, &parts.params, nullptr));
  ARROW_RETURN_NOT_OK(eval(headers_, jinja::kAnyType, &parts.headers, nullptr));
  ARROW_RETURN_NOT_OK(
      eval(body_data_, body_data_.is_text() ? jinja::kAnyType : kTextOrList, &parts.body_data, &parts.body_text));
  ARROW_RETURN_NOT_OK(eval(body_json_, jinja::kAnyType, &parts.body_json, nullptr));
  if (!query_properties_key_.empty() && request.slice != nullptr) {
    const auto properties = request.slice->extra.Find("query_properties");
    std::string joined;
    if (properties && properties->is_list()) {
      for (const Value& name : properties->as_list()) joined += (joined.empty() ? "" : ",") + jinja::ToText(name);
    }
    Put(parts.params, query_properties_key_, Value::String(joined));
  }
  if (authenticator_ != nullptr) {
    ARROW_ASSIGN_OR_RAISE(const RequestParts credentials, authenticator_->Parts());
    ARROW_RETURN_NOT_OK(CombineParts(credentials, &parts));
  }
  ARROW_RETURN_NOT_OK(CombineParts(request.parts, &parts));
  return parts;
}

Result<io::HttpRequest> Requester::Build(const RequestFor& request) const {
  Scope scope = run_.NewScope();
  scope.Set("stream_slice", request.slice == nullptr ? Value::Null() : request.slice->View());
  scope.Set("next_page_token", request.page_token);
  std::vector<std::string> names;  // the scope borrows them
  if (request.slice != nullptr) {
    names.reserve(request.slice->extra.as_map().size());
    for (const auto& [key, value] : request.slice->extra.as_map()) {
      names.push_back(jinja::ToText(key));
      scope.Set(names.back(), value);
    }
  }
  for (const auto& [name, value] : request.names) scope.Set(name, value);
  ARROW_ASSIGN_OR_RAISE(const std::string url, Url(request, scope));
  ARROW_ASSIGN_OR_RAISE(const RequestParts parts, Parts(request, scope));
  return MakeHttpRequest(method_, url, parts);
}

Result<SendResult> Requester::Send(const RequestFor& request) {
  ARROW_ASSIGN_OR_RAISE(const io::HttpRequest built, Build(request));
  if (!use_cache_ || run_.cache == nullptr || method_ != "GET") return SendWithRetries(built);
  const std::string key = ResponseCache::KeyOf(built);
  if (auto known = run_.cache->Find(key); known != nullptr) return SendResult{.response = std::move(known)};
  return SendWithRetries(built);
}

// What a verdict other than "again" leads to.
Result<SendResult> Requester::Conclude(const Verdict& verdict, const io::HttpRequest& request,
                                       std::shared_ptr<ApiResponse> response) const {
  if (verdict.action == ErrorAction::kResetPagination) return SendResult{.reset_pagination = true};
  if (verdict.action == ErrorAction::kFail) {
    const std::string status = response == nullptr ? "no answer" : "HTTP " + std::to_string(response->status());
    return MakeError(verdict.fault, verdict.message,
                     {.code = "", .where = io::RedactUrl(request.url), .why = status, .state = "", .next = ""});
  }
  return SendResult{.response = std::move(response)};
}

Result<SendResult> Requester::SendWithRetries(const io::HttpRequest& built) {
  io::HttpRequest request = built;
  const auto begin = run_.clock->Steady();
  for (int attempt = 1;; ++attempt) {
    if (run_.budget != nullptr) ARROW_RETURN_NOT_OK(run_.budget->Acquire(request, run_));
    if (attempt > 1 && run_.counters != nullptr) ++run_.counters->num_retries;
    auto answer = run_.Send(request);
    if (!answer.ok() && FaultOf(answer.status()) != Fault::kTransient) return answer.status();
    std::shared_ptr<ApiResponse> response;
    if (answer.ok()) response = std::make_shared<ApiResponse>(*answer);
    ARROW_ASSIGN_OR_RAISE(const Verdict verdict, errors_->Judge(response.get()));
    const bool again = verdict.action == ErrorAction::kRetry || verdict.action == ErrorAction::kRateLimited ||
                       verdict.action == ErrorAction::kRefreshTokenThenRetry;
    if (!again) {
      if (answer.ok() && use_cache_ && run_.cache != nullptr && method_ == "GET" && answer->status == 200) {
        run_.cache->Keep(ResponseCache::KeyOf(built), *answer);
      }
      return Conclude(verdict, request, std::move(response));
    }
    if (verdict.action == ErrorAction::kRateLimited) run_.messages->RateLimited(name_);
    if (verdict.action == ErrorAction::kRefreshTokenThenRetry && authenticator_ != nullptr) {
      ARROW_RETURN_NOT_OK(authenticator_->Renew());
      ARROW_ASSIGN_OR_RAISE(const RequestParts credentials, authenticator_->Parts());
      for (const auto& [key, value] : credentials.headers) request.headers.Set(jinja::ToText(key), HeaderText(value));
    }
    const std::chrono::duration<double> elapsed = run_.clock->Steady() - begin;  // as really waited
    if (attempt > errors_->retries_max() || elapsed.count() >= errors_->seconds_max()) {
      return MakeError(Fault::kTransient, "the API did not answer within " + std::to_string(attempt) + " attempts",
                       {.code = "",
                        .where = io::RedactUrl(request.url),
                        .why = answer.ok() ? "HTTP " + std::to_string(answer->status) : answer.status().message(),
                        .state = "",
                        .next = ""});
    }
    ARROW_ASSIGN_OR_RAISE(const auto seconds, errors_->Backoff(response.get(), attempt));
    const double wait = seconds ? *seconds + 1 : std::pow(2, attempt - 1);
    ARROW_RETURN_NOT_OK(run_.Wait(wait));
  }
}

}  // namespace firn::source::airbyte
