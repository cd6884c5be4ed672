#include "source/airbyte/authenticator.h"

#include "base/base64.h"
#include "base/redactor.h"
#include "source/airbyte/dpath.h"
#include "source/airbyte/http_exchange.h"
#include "source/airbyte/jwt.h"
#include "source/airbyte/oauth.h"
#include "source/airbyte/requester.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

RequestParts Header(std::string_view name, const std::string& value) {
  ProcessRedactor().AddSecret(value);
  RequestParts parts;
  Put(parts.headers, name, Value::String(value));
  return parts;
}

/// A text of the manifest put into a header or elsewhere.
class KeyAuthenticator : public Authenticator {
 public:
  KeyAuthenticator(const RunContext& run, Interpolated token, std::string prefix, std::optional<RequestOption> option,
                   Interpolated header)
      : run_(run),
        token_(std::move(token)),
        prefix_(std::move(prefix)),
        option_(std::move(option)),
        header_(std::move(header)) {}

  Result<RequestParts> Parts() override {
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string token, token_.EvalText(scope));
    if (!option_) {
      ARROW_ASSIGN_OR_RAISE(const std::string header, header_.EvalText(scope));
      return Header(header, prefix_ + token);
    }
    ProcessRedactor().AddSecret(token);
    RequestParts parts;
    ARROW_RETURN_NOT_OK(option_->Put(run_, Value::String(prefix_ + token), &parts));
    return parts;
  }

 private:
  const RunContext& run_;
  const Interpolated token_;
  const std::string prefix_;
  const std::optional<RequestOption> option_;
  const Interpolated header_;
};

class BasicAuthenticator : public Authenticator {
 public:
  BasicAuthenticator(const RunContext& run, Interpolated user, Interpolated password)
      : run_(run), user_(std::move(user)), password_(std::move(password)) {}

  Result<RequestParts> Parts() override {
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string user, user_.EvalText(scope));
    ARROW_ASSIGN_OR_RAISE(const std::string password, password_.EvalText(scope));
    return Header("Authorization", "Basic " + Base64(user + ":" + password));
  }

 private:
  const RunContext& run_;
  const Interpolated user_, password_;
};

/// A token that a login request gives.
class SessionAuthenticator : public Authenticator {
 public:
  static Result<std::unique_ptr<Authenticator>> Make(const Component& component, const RunContext& run,
                                                     const std::string& name) {
    std::unique_ptr<SessionAuthenticator> made(new SessionAuthenticator(run));
    made->key_ = "session " + CanonicalJson(jinja::FromCore(component.value()));
    ARROW_ASSIGN_OR_RAISE(made->login_,
                          Requester::Make(component.Child("login_requester"), run, name + "_login", false));
    ARROW_ASSIGN_OR_RAISE(made->path_, InterpolatedList(component, "session_token_path"));
    if (component.Has("expiration_duration")) {
      ARROW_ASSIGN_OR_RAISE(made->lifetime_, ParseGap(component.Text("expiration_duration")));
    }
    const Component use = component.Child("request_authentication");
    made->bearer_ = use.type() == "Bearer";
    if (!made->bearer_) {
      ARROW_ASSIGN_OR_RAISE(made->option_, OptionField(use, "inject_into"));
      if (!made->option_) return ManifestError(use, "request_authentication needs inject_into");
      ARROW_ASSIGN_OR_RAISE(made->template_, InterpolatedField(use, "api_token", "{{ session_token }}"));
    }
    return std::unique_ptr<Authenticator>(std::move(made));
  }

  Result<RequestParts> Parts() override {
    const Moment now = MomentOf(run_.clock->LogicalNow());
    ARROW_ASSIGN_OR_RAISE(const std::string token, run_.tokens->Get(key_, now, [&] { return Login(now); }));
    if (bearer_) return Header("Authorization", "Bearer " + token);
    Scope scope = run_.NewScope();
    scope.Set("session_token", Value::String(token));
    ARROW_ASSIGN_OR_RAISE(const std::string text, template_.EvalText(scope));
    ProcessRedactor().AddSecret(text);
    RequestParts parts;
    ARROW_RETURN_NOT_OK(option_->Put(run_, Value::String(text), &parts));
    return parts;
  }

  Status Renew() override {
    run_.tokens->Forget(key_);
    return Status::OK();
  }

 private:
  explicit SessionAuthenticator(const RunContext& run) : run_(run) {}

  Result<TokenStore::Token> Login(Moment now) {
    ARROW_ASSIGN_OR_RAISE(const SendResult sent, login_->Send({}));
    if (sent.response == nullptr || !sent.response->ok()) return MakeError(Fault::kAuth, "the login was refused");
    Path path;
    for (const Interpolated& step : path_) path.push_back(step.source());
    const Value token = ValueAt(sent.response->Json(), path);
    if (token.is_undefined() || token.is_null()) {
      return MakeError(Fault::kAuth, "the answer to the login has no token where session_token_path says");
    }
    // Without a lifetime the reference logs in for each request; one login per run gives the same answers.
    TokenStore::Token made{.text = jinja::ToText(token), .expires = std::nullopt};
    if (lifetime_) made.expires = Shift(now, *lifetime_, 1);
    return made;
  }

  const RunContext& run_;
  std::string key_;
  std::unique_ptr<Requester> login_;
  std::vector<Interpolated> path_;
  std::optional<Gap> lifetime_;
  bool bearer_ = true;
  std::optional<RequestOption> option_;
  Interpolated template_;
};

/// User name and password exchanged for a session token, or a token given by the user (Metabase).
class LegacySessionAuthenticator : public Authenticator {
 public:
  static Result<std::unique_ptr<Authenticator>> Make(const Component& component, const RunContext& run,
                                                     const Interpolated& url_base) {
    std::unique_ptr<LegacySessionAuthenticator> made(new LegacySessionAuthenticator(run));
    made->api_ = url_base;
    made->key_ = "legacy session " + CanonicalJson(jinja::FromCore(component.value()));
    const std::pair<const char*, Interpolated*> fields[] = {{"header", &made->header_},
                                                            {"session_token", &made->token_},
                                                            {"username", &made->user_},
                                                            {"password", &made->password_},
                                                            {"login_url", &made->login_},
                                                            {"validate_session_url", &made->validate_},
                                                            {"session_token_response_key", &made->response_key_}};
    for (const auto& [field, place] : fields) {
      ARROW_ASSIGN_OR_RAISE(*place, InterpolatedField(component, field));
    }
    return std::unique_ptr<Authenticator>(std::move(made));
  }

  Result<RequestParts> Parts() override {
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string header, header_.EvalText(scope));
    const Moment now = MomentOf(run_.clock->LogicalNow());
    ARROW_ASSIGN_OR_RAISE(const std::string token, run_.tokens->Get(key_, now, [&] { return Fetch(); }));
    return Header(header, token);
  }

 private:
  explicit LegacySessionAuthenticator(const RunContext& run) : run_(run) {}

  Result<TokenStore::Token> Fetch() {
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string given, token_.EvalText(scope));
    ARROW_ASSIGN_OR_RAISE(const std::string api, api_.EvalText(scope));
    ARROW_ASSIGN_OR_RAISE(const std::string header, header_.EvalText(scope));
    if (!given.empty()) {
      ARROW_ASSIGN_OR_RAISE(const std::string path, validate_.EvalText(scope));
      RequestParts parts;
      Put(parts.headers, header, Value::String(given));
      ARROW_ASSIGN_OR_RAISE(const auto request, MakeHttpRequest("GET", api + path, parts));
      ARROW_ASSIGN_OR_RAISE(const auto answer, run_.Send(request));
      if (answer.status < 400) return TokenStore::Token{.text = given, .expires = std::nullopt};
      if (answer.status != 401) return MakeError(Fault::kAuth, "the session token cannot be checked");
    }
    ARROW_ASSIGN_OR_RAISE(const Value user, user_.Eval(scope));
    ARROW_ASSIGN_OR_RAISE(const Value password, password_.Eval(scope));
    if (!jinja::Truthy(user) || !jinja::Truthy(password)) {
      return MakeError(Fault::kAuth, "the session token is not valid, and there is no user name and password");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string path, login_.EvalText(scope));
    RequestParts parts;
    Put(parts.body_json, "username", user);
    Put(parts.body_json, "password", password);
    ARROW_ASSIGN_OR_RAISE(const auto request, MakeHttpRequest("POST", api + path, parts));
    ARROW_ASSIGN_OR_RAISE(auto answer, run_.Send(request));
    const ApiResponse response(std::move(answer));
    if (!response.ok())
      return MakeError(Fault::kAuth, "the login was refused: HTTP " + std::to_string(response.status()));
    ARROW_ASSIGN_OR_RAISE(const std::string key, response_key_.EvalText(scope));
    const auto token = response.Json().Find(key);
    if (!token) return MakeError(Fault::kAuth, "the answer to the login has no token");
    return TokenStore::Token{.text = jinja::ToText(*token), .expires = std::nullopt};
  }

  const RunContext& run_;
  std::string key_;
  Interpolated header_, token_, user_, password_, api_, login_, validate_, response_key_;
};

Result<Component> Selected(const Component& component, const RunContext& run) {
  Path path;
  if (const auto* steps = component.Find("authenticator_selection_path");
      steps != nullptr && steps->kind() == expression::Value::Kind::kList) {
    for (const auto& step : steps->as_list()) path.push_back(expression::ToText(step));
  }
  const Value chosen = ValueAt(run.config, path);
  if (chosen.is_undefined()) return ManifestError(component, "authenticator_selection_path leads to nothing");
  const Component found = component.Child("authenticators").Child(jinja::ToText(chosen));
  if (!found.present()) return ManifestError(component, "there is no authenticator " + jinja::ToText(chosen));
  return found;
}

Result<std::unique_ptr<Authenticator>> MakeKey(const Component& component, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(auto option, OptionField(component, "inject_into"));
  if (option.has_value() == component.Has("header")) {
    return ManifestError(component, "an ApiKeyAuthenticator needs inject_into or header, not both");
  }
  ARROW_ASSIGN_OR_RAISE(auto token, InterpolatedField(component, "api_token"));
  ARROW_ASSIGN_OR_RAISE(auto header, InterpolatedField(component, "header"));
  return std::unique_ptr<Authenticator>(
      new KeyAuthenticator(run, std::move(token), "", std::move(option), std::move(header)));
}

}  // namespace

Result<std::unique_ptr<Authenticator>> Authenticator::Make(const Component& component, const RunContext& run,
                                                           const std::string& name, const Interpolated& url_base) {
  const std::string type = component.type();
  if (!component.present() || type == "NoAuth") return std::unique_ptr<Authenticator>();
  if (type == "SelectiveAuthenticator") {
    ARROW_ASSIGN_OR_RAISE(const Component chosen, Selected(component, run));
    return Make(chosen, run, name, url_base);
  }
  if (type == "ApiKeyAuthenticator") return MakeKey(component, run);
  if (type == "BearerAuthenticator") {
    ARROW_ASSIGN_OR_RAISE(auto token, InterpolatedField(component, "api_token"));
    ARROW_ASSIGN_OR_RAISE(auto header, Interpolated::Make("Authorization", EmptyMap()));
    return std::unique_ptr<Authenticator>(
        new KeyAuthenticator(run, std::move(token), "Bearer ", std::nullopt, std::move(header)));
  }
  if (type == "BasicHttpAuthenticator") {
    ARROW_ASSIGN_OR_RAISE(auto user, InterpolatedField(component, "username"));
    ARROW_ASSIGN_OR_RAISE(auto password, InterpolatedField(component, "password"));
    return std::unique_ptr<Authenticator>(new BasicAuthenticator(run, std::move(user), std::move(password)));
  }
  if (type == "OAuthAuthenticator") return MakeOAuthAuthenticator(component, run);
  if (type == "JwtAuthenticator") return MakeJwtAuthenticator(component, run);
  if (type == "SessionTokenAuthenticator") return SessionAuthenticator::Make(component, run, name);
  if (type == "LegacySessionTokenAuthenticator") return LegacySessionAuthenticator::Make(component, run, url_base);
  return ManifestError(component, "an authenticator of type " + type + " cannot be run");
}

Result<std::string> TokenStore::Get(const std::string& key, Moment now, const std::function<Result<Token>()>& fetch) {
  const std::lock_guard lock(mutex_);
  const auto known = tokens_.find(key);
  if (known != tokens_.end() && (!known->second.expires || !(now > *known->second.expires))) return known->second.text;
  ARROW_ASSIGN_OR_RAISE(Token token, fetch());
  ProcessRedactor().AddSecret(token.text);
  tokens_[key] = token;
  return token.text;
}

void TokenStore::Forget(const std::string& key) {
  const std::lock_guard lock(mutex_);
  tokens_.erase(key);
}

}  // namespace firn::source::airbyte
