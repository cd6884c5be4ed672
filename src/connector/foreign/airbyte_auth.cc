#include <algorithm>
#include <array>
#include <string_view>

#include "connector/foreign/airbyte_stream.h"

namespace firn::connector::foreign {
namespace {

using airbyte::ManifestError;

class AuthenticatorReader {
 public:
  AuthenticatorReader(const Component& component, StreamDraft* draft) : component_(component), draft_(*draft) {}

  Result<Map> Read() {
    const std::string type = component_.type();
    if (!component_.present() || type == "NoAuth") return Map();
    Status read = ManifestError(component_, "an authenticator of type " + type);
    if (type == "BearerAuthenticator") read = Bearer();
    if (type == "BasicHttpAuthenticator") read = Basic();
    if (type == "ApiKeyAuthenticator") read = ApiKey();
    if (type == "OAuthAuthenticator") read = OAuth();
    if (type == "SessionTokenAuthenticator") read = Session();
    ARROW_RETURN_NOT_OK(read);
    return std::move(out_);
  }

 private:
  Status Field(const char* field, const char* key, AirbyteSettings::Use use = {}) {
    ARROW_ASSIGN_OR_RAISE(std::string text, TemplateField(component_, field, &draft_, std::move(use)));
    constexpr std::array<std::string_view, 5> kSecrets = {"token", "password", "value", "client_secret",
                                                          "refresh_token"};
    const bool is_secret = std::ranges::find(kSecrets, key) != kSecrets.end();
    if (is_secret && !text.empty() && text.find("${setting:") == std::string::npos) {
      return ManifestError(component_, std::string(field) + ": a secret in plain text");
    }
    if (!text.empty()) Put(&out_, key, std::move(text));
    return Status::OK();
  }

  Status Bearer() {
    ARROW_RETURN_NOT_OK(RefuseOthers(component_, {"type", "api_token"}));
    Put(&out_, "type", "bearer");
    return Field("api_token", "token");
  }

  Status Basic() {
    ARROW_RETURN_NOT_OK(RefuseOthers(component_, {"type", "username", "password"}));
    Put(&out_, "type", "basic");
    ARROW_RETURN_NOT_OK(Field("username", "username"));
    return Field("password", "password", {.may_be_empty = true, .otherwise = {}});
  }

  Status ApiKey() {
    ARROW_RETURN_NOT_OK(RefuseOthers(component_, {"type", "api_token", "header", "inject_into"}));
    Put(&out_, "type", "api_key");
    const Component option = component_.Child("inject_into");
    const std::string where = option.present() ? option.Text("inject_into") : "header";
    const std::string name = option.present() ? option.Text("field_name") : component_.Text("header");
    if ((where != "header" && where != "request_parameter") || name.empty() || name.find("{{") != std::string::npos) {
      return ManifestError(component_, "a key in " + where);
    }
    if (where == "request_parameter") Put(&out_, "in", "query");
    Put(&out_, "name", Literal(name));
    return Field("api_token", "value");
  }

  Status OAuth() {
    // Tokens are asked for when they are needed and kept when they are renewed: what says so in the manifest is passed
    // over.
    ARROW_RETURN_NOT_OK(RefuseOthers(
        component_, {"type", "client_id", "client_secret", "refresh_token", "token_refresh_endpoint", "grant_type",
                     "scopes", "refresh_request_body", "token_expiry_date", "token_expiry_date_format",
                     "refresh_token_updater", "access_token_name", "expires_in_name"}));
    if (component_.Text("access_token_name", "access_token") != "access_token" ||
        component_.Text("expires_in_name", "expires_in") != "expires_in") {
      return ManifestError(component_, "a token whose answer has other names");
    }
    const std::string grant = component_.Text("grant_type", "refresh_token");
    if (grant != "refresh_token" && grant != "client_credentials")
      return ManifestError(component_, "the grant " + grant);
    Put(&out_, "type", "oauth2");
    Put(&out_, "grant", grant);
    ARROW_RETURN_NOT_OK(Field("token_refresh_endpoint", "token_url"));
    ARROW_RETURN_NOT_OK(Field("client_id", "client_id"));
    ARROW_RETURN_NOT_OK(Field("client_secret", "client_secret"));
    if (grant == "refresh_token") ARROW_RETURN_NOT_OK(Field("refresh_token", "refresh_token"));
    if (const Value* scopes = component_.Find("scopes")) Put(&out_, "scopes", *scopes);
    return Params(component_.Child("refresh_request_body"));
  }

  Status Params(const Component& body) {
    if (!body.present()) return Status::OK();
    Map params;
    for (const auto& [name, value] : body.value().as_map()) {
      if (name == "$parameters") continue;
      ARROW_ASSIGN_OR_RAISE(std::string text, TemplateField(body, name, &draft_));
      Put(&params, name, std::move(text));
    }
    if (!params.empty()) Put(&out_, "params", Value::OfMap(std::move(params)));
    return Status::OK();
  }

  Status Session() {
    ARROW_RETURN_NOT_OK(RefuseOthers(component_, {"type", "login_requester", "session_token_path",
                                                  "expiration_duration", "request_authentication"}));
    const Component use = component_.Child("request_authentication");
    const bool bearer = use.type() == "Bearer" || use.type() == "SessionTokenRequestBearerAuthenticator";
    const Component option = use.Child("inject_into");
    if (!bearer && (option.Text("inject_into") != "header" || use.Has("api_token"))) {
      return ManifestError(use, "a session's token that is not sent as a header");
    }
    StreamDraft login(draft_.settings);
    ARROW_RETURN_NOT_OK(ReadRequester(component_.Child("login_requester"), &login));
    if (!login.auth.empty() || !login.params.empty() || !login.table.empty()) {
      const bool post = login.table.size() == 1 && login.table[0].first == "method";
      if (!post || !login.auth.empty() || !login.params.empty()) {
        return ManifestError(component_, "a login with credentials or parameters of its own");
      }
    }
    draft_.settings = login.settings;
    Put(&out_, "type", "session");
    Put(&out_, "url", login.url_base + login.path);
    const Value* method = airbyte::FindKey(login.table, "method");
    Put(&out_, "method", method == nullptr ? "GET" : method->as_string());
    if (!login.headers.empty()) Put(&out_, "headers", Value::OfMap(login.headers));
    if (!login.body.empty()) Put(&out_, "body", Value::OfMap(login.body));
    ARROW_RETURN_NOT_OK(TokenPath());
    if (!bearer) {
      Put(&out_, "name", Literal(option.Text("field_name")));
      Put(&out_, "scheme", "");
    }
    if (!component_.Has("expiration_duration")) return Status::OK();
    auto lifetime = DurationText(component_.Text("expiration_duration"), CalendarLength::kShortest, &draft_);
    if (!lifetime.ok()) return At(component_, lifetime.status());
    Put(&out_, "lifetime", *lifetime);
    return Status::OK();
  }

  Status TokenPath() {
    std::vector<std::string> steps;
    const Value* written = component_.Find("session_token_path");
    for (const Value& step :
         written != nullptr && written->kind() == Value::Kind::kList ? written->as_list() : List()) {
      steps.push_back(expression::ToText(step));
    }
    auto path = DottedPath(steps);
    if (!path.ok()) return At(component_, path.status());
    Put(&out_, "token_path", Literal(*path));
    return Status::OK();
  }

  const Component& component_;
  StreamDraft& draft_;
  Map out_;
};

}  // namespace

Result<Map> ReadAuthenticator(const Component& component, StreamDraft* draft) {
  return AuthenticatorReader(component, draft).Read();
}

}  // namespace firn::connector::foreign
