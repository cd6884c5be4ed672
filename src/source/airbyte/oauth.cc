#include "source/airbyte/oauth.h"

#include <cmath>
#include <cstdlib>

#include "base/redactor.h"
#include "source/airbyte/dpath.h"
#include "source/airbyte/http_exchange.h"
#include "source/airbyte/jwt.h"
#include "source/airbyte/messages.h"
#include "source/airbyte/token_updater.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

constexpr int kTokenDepthMax = 5;  // how deep in the answer a token is looked for
constexpr int kAttemptsMax = 8;

// A field anywhere in an answer, the shallowest way first as the reference walks it.
Value FindDeep(const Value& value, const std::string& key, int depth) {
  if (depth > kTokenDepthMax) return Value();
  if (value.is_list()) {
    for (const Value& item : value.as_list()) {
      Value found = FindDeep(item, key, depth + 1);
      if (jinja::Truthy(found)) return found;
    }
  }
  if (!value.is_map()) return Value();
  if (auto found = value.Find(key)) return *found;
  for (const auto& [name, item] : value.as_map()) {
    Value found = FindDeep(item, key, depth + 1);
    if (jinja::Truthy(found)) return found;
  }
  return Value();
}

class OAuthAuthenticator : public Authenticator {
 public:
  OAuthAuthenticator(const Component& component, const RunContext& run) : component_(component), run_(run) {
    key_ = "oauth " + CanonicalJson(jinja::FromCore(component.value()));
    updater_ = component.Child("refresh_token_updater");
  }

  Result<RequestParts> Parts() override {
    ARROW_ASSIGN_OR_RAISE(const std::string token, Token());
    ProcessRedactor().AddSecret(token);
    RequestParts parts;
    Put(parts.headers, "Authorization", Value::String("Bearer " + token));
    return parts;
  }
  Status Renew() override {
    run_.tokens->Forget(key_);
    return Status::OK();
  }

 private:
  Result<Value> Field(std::string_view field, std::string_view otherwise = "") const {
    ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component_, field, otherwise));
    Scope scope = run_.NewScope();
    return text.Eval(scope);
  }
  Result<std::string> TextField(std::string_view field, std::string_view otherwise = "") const {
    ARROW_ASSIGN_OR_RAISE(const Value value, Field(field, otherwise));
    return jinja::ToText(value);
  }

  Result<std::string> Token() {
    if (!component_.Has("token_refresh_endpoint")) return TextField("access_token_value");
    const Moment now = MomentOf(run_.clock->LogicalNow());
    if (updater_.present()) {
      ARROW_ASSIGN_OR_RAISE(const auto known, KnownToken(now));
      if (known) return *known;
    } else if (component_.Has("access_token_value") && component_.Has("token_expiry_date")) {
      ARROW_ASSIGN_OR_RAISE(const std::string expires, TextField("token_expiry_date"));
      ARROW_ASSIGN_OR_RAISE(const std::string token, TextField("access_token_value"));
      const auto moment = ParseAnyMoment(expires);
      if (!token.empty() && moment.ok() && !(now > *moment)) return token;
    }
    return run_.tokens->Get(key_, now, [&] { return Exchange(now); });
  }

  // A token that an earlier run left in the configuration and that is still good.
  Result<std::optional<std::string>> KnownToken(Moment now) const {
    const UpdaterPaths paths = PathsOf(updater_);
    const Value token = ValueAt(CurrentConfig(run_), paths.access_token);
    const Value expires = ValueAt(CurrentConfig(run_), paths.expiry);
    if (!token.is_string() || token.as_string().empty() || expires.is_undefined()) return std::optional<std::string>();
    const auto moment = ParseAnyMoment(jinja::ToText(expires));
    if (!moment.ok() || now > *moment) return std::optional<std::string>();
    return std::optional<std::string>(std::string(token.as_string()));
  }

  Result<Entries> Arguments() const {
    Entries body;
    if (component_.Flag("use_profile_assertion")) {
      ARROW_ASSIGN_OR_RAISE(const std::string grant_name, TextField("grant_type_name", "grant_type"));
      ARROW_ASSIGN_OR_RAISE(const std::string assertion, SignJwt(component_.Child("profile_assertion"), run_));
      Put(body, grant_name, Value::String("urn:ietf:params:oauth:grant-type:jwt-bearer"));
      Put(body, "assertion", Value::String(assertion));
      return body;
    }
    ARROW_ASSIGN_OR_RAISE(const Value headers, Mapping("refresh_request_headers"));
    ARROW_ASSIGN_OR_RAISE(const std::string grant_name, TextField("grant_type_name", "grant_type"));
    ARROW_ASSIGN_OR_RAISE(const std::string grant, TextField("grant_type", "refresh_token"));
    Put(body, grant_name, Value::String(grant));
    if (!headers.Find("Authorization")) {
      ARROW_ASSIGN_OR_RAISE(const std::string id_name, TextField("client_id_name", "client_id"));
      ARROW_ASSIGN_OR_RAISE(const std::string secret_name, TextField("client_secret_name", "client_secret"));
      ARROW_ASSIGN_OR_RAISE(Value id, Field("client_id"));
      ARROW_ASSIGN_OR_RAISE(Value secret, Field("client_secret"));
      if (!jinja::Truthy(id)) return MakeError(Fault::kConfig, "the OAuth client_id is empty");
      Put(body, id_name, std::move(id));
      Put(body, secret_name, std::move(secret));
    }
    ARROW_ASSIGN_OR_RAISE(const Value refresh, RefreshToken());
    ARROW_ASSIGN_OR_RAISE(const std::string refresh_name, RefreshName());
    if (!refresh.is_null()) Put(body, refresh_name, refresh);
    const Value scopes = FieldOf(component_, "scopes");
    if (jinja::Truthy(scopes)) Put(body, "scopes", scopes);
    ARROW_ASSIGN_OR_RAISE(const Value more, Mapping("refresh_request_body"));
    for (const auto& [key, value] : more.as_map()) {
      if (FindEntry(body, jinja::ToText(key)) == nullptr) Put(body, jinja::ToText(key), value);
    }
    return body;
  }

  Result<std::string> RefreshName() const {
    if (updater_.present()) return updater_.Text("refresh_token_name", "refresh_token");
    return TextField("refresh_token_name", "refresh_token");
  }

  Result<Value> RefreshToken() const {
    if (updater_.present()) return ValueAt(CurrentConfig(run_), PathsOf(updater_).refresh_token);
    if (!component_.Has("refresh_token")) return Value::Null();
    ARROW_ASSIGN_OR_RAISE(const std::string text, TextField("refresh_token"));
    return Value::String(text);
  }

  Result<Value> Mapping(std::string_view field) const {
    const auto* found = component_.Find(field);
    if (found == nullptr) return EmptyMap();
    ARROW_ASSIGN_OR_RAISE(const auto tree, InterpolatedTree::Make(*found, jinja::FromCore(component_.Parameters())));
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const Value value, tree.Eval(scope));
    return value.is_map() ? value : EmptyMap();
  }

  Result<TokenStore::Token> Exchange(Moment now) {
    ARROW_ASSIGN_OR_RAISE(const std::string url, TextField("token_refresh_endpoint"));
    RequestParts parts;
    ARROW_ASSIGN_OR_RAISE(const Value headers, Mapping("refresh_request_headers"));
    parts.headers = headers.as_map();
    ARROW_ASSIGN_OR_RAISE(Entries arguments, Arguments());
    (component_.Flag("send_refresh_request_as_query_params") ? parts.params : parts.body_data) = std::move(arguments);
    ARROW_ASSIGN_OR_RAISE(const io::HttpRequest request, MakeHttpRequest("POST", url, parts));
    for (int attempt = 1;; ++attempt) {
      auto answer = run_.Send(request);
      if (!answer.ok() && FaultOf(answer.status()) != Fault::kTransient) return answer.status();
      const int status = answer.ok() ? answer->status : 0;
      if (status != 0 && status != 429 && status < 500) return ReadAnswer(ApiResponse(*answer), now);
      if (attempt == kAttemptsMax) return MakeError(Fault::kTransient, "the token endpoint does not answer");
      ARROW_RETURN_NOT_OK(run_.Wait(std::pow(2, attempt - 1)));
    }
  }

  Result<TokenStore::Token> ReadAnswer(const ApiResponse& response, Moment now) {
    if (!response.ok()) {
      return MakeError(Fault::kAuth, "the token endpoint refused: HTTP " + std::to_string(response.status()));
    }
    ARROW_ASSIGN_OR_RAISE(const std::string token_name, TextField("access_token_name", "access_token"));
    ARROW_ASSIGN_OR_RAISE(const std::string expires_name, TextField("expires_in_name", "expires_in"));
    const Value token = FindDeep(response.Json(), token_name, 0);
    if (!jinja::Truthy(token)) return MakeError(Fault::kAuth, "the token endpoint's answer has no " + token_name);
    const Value lifetime = FindDeep(response.Json(), expires_name, 0);
    Moment expires = now;
    expires.micros += int64_t{3600} * 1'000'000;
    if (jinja::Truthy(lifetime)) {
      const std::string text = jinja::ToText(lifetime);
      if (component_.Has("token_expiry_date_format")) {
        ARROW_ASSIGN_OR_RAISE(expires, ParseAnyMoment(text));
      } else {
        expires.micros = now.micros + static_cast<int64_t>(std::strtod(text.c_str(), nullptr)) * 1'000'000;
      }
    }
    if (updater_.present()) {
      ARROW_ASSIGN_OR_RAISE(const std::string refresh_name, RefreshName());
      ARROW_RETURN_NOT_OK(KeepTokens(run_, updater_, token, FindDeep(response.Json(), refresh_name, 0), expires));
    }
    return TokenStore::Token{.text = jinja::ToText(token), .expires = expires};
  }

  const Component component_;
  const RunContext& run_;
  std::string key_;
  Component updater_;
};

}  // namespace

Result<std::unique_ptr<Authenticator>> MakeOAuthAuthenticator(const Component& component, const RunContext& run) {
  if (!component.Flag("use_profile_assertion") && (!component.Has("client_id") || !component.Has("client_secret"))) {
    return ManifestError(component, "an OAuthAuthenticator needs client_id and client_secret");
  }
  if (component.Text("grant_type", "refresh_token") == "refresh_token" && !component.Has("refresh_token") &&
      !component.Flag("use_profile_assertion") && !component.Has("refresh_token_updater")) {
    return ManifestError(component, "an OAuthAuthenticator with the grant refresh_token needs refresh_token");
  }
  return std::unique_ptr<Authenticator>(new OAuthAuthenticator(component, run));
}

}  // namespace firn::source::airbyte
