#include "source/http_auth.h"

#include "base/hash.h"
#include "base/redactor.h"
#include "io/aws_signature.h"
#include "io/url.h"
#include "source/hmac_authorizer.h"
#include "source/jwt_token.h"
#include "source/oauth2_authorizer.h"
#include "source/renewed_authorizer.h"
#include "source/session_authorizer.h"

namespace firn::source {
namespace {

using connector::AuthPlan;

/// Puts constant headers, or one query parameter, on the requests of one origin.
class ConstantAuthorizer : public io::HttpAuthorizer {
 public:
  ConstantAuthorizer(io::UrlParts origin, bool in_query, config::NamedText values)
      : origin_(std::move(origin)), in_query_(in_query), values_(std::move(values)) {}

  Status Authorize(io::HttpRequest& request, std::stop_token /*stop*/) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    for (const auto& [name, value] : values_) {
      if (in_query_) {
        request.url = io::WithQueryReplaced(request.url, name, value);
      } else {
        request.headers.Set(name, value);
      }
    }
    return Status::OK();
  }
  Result<bool> Renew(const io::HttpRequest& /*rejected*/, std::stop_token /*stop*/) override { return false; }

 private:
  const io::UrlParts origin_;
  const bool in_query_;
  const config::NamedText values_;
};

/// Sends the signed token itself, one after another.
class JwtAuthorizer : public RenewedAuthorizer {
 public:
  JwtAuthorizer(config::JwtAuth jwt, std::string where, io::UrlParts origin, const Clock& clock)
      : RenewedAuthorizer(std::move(origin), "Authorization", clock), jwt_(std::move(jwt)), where_(std::move(where)) {}

 private:
  Result<Credential> Fetch(std::stop_token /*stop*/) override {
    const auto signed_at = clock().Steady();
    ARROW_ASSIGN_OR_RAISE(const std::string token, SignedToken(jwt_, where_, clock().Now()));
    return Credential{.value = "Bearer " + token,
                      .renew_at = RenewAt(signed_at, std::chrono::milliseconds(jwt_.lifetime_ms))};
  }

  const config::JwtAuth jwt_;
  const std::string where_;
};

class SigV4Authorizer : public io::HttpAuthorizer {
 public:
  SigV4Authorizer(const config::AwsSigV4Auth& aws, io::UrlParts origin, const Clock& clock)
      : keys_{.access_key_id = aws.access_key_id,
              .secret_access_key = aws.secret_access_key,
              .session_token = aws.session_token},
        scope_{.region = aws.region, .service = aws.service},
        origin_(std::move(origin)),
        clock_(clock) {}

  Status Authorize(io::HttpRequest& request, std::stop_token /*stop*/) override {
    ARROW_ASSIGN_OR_RAISE(const io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    request.follow_redirects = false;  // another address would need another signature
    return io::SignRequest(request, keys_, scope_, clock_.Now());
  }
  Result<bool> Renew(const io::HttpRequest& /*rejected*/, std::stop_token /*stop*/) override { return false; }

 private:
  const io::AwsKeys keys_;
  const io::SigV4Scope scope_;
  const io::UrlParts origin_;
  const Clock& clock_;
};

void HideSecrets(const AuthPlan& plan) {
  const auto hide = [](const std::string& secret) {
    if (!secret.empty()) ProcessRedactor().AddSecret(secret);
  };
  for (const std::string* secret :
       {&plan.token, &plan.password, &plan.key_value, &plan.client_secret, &plan.refresh_token, &plan.jwt.key,
        &plan.hmac.key, &plan.aws.secret_access_key, &plan.aws.session_token}) {
    hide(*secret);
  }
  for (const auto& header : plan.headers) hide(header.second);
}

}  // namespace

Result<std::unique_ptr<io::HttpAuthorizer>> MakeAuthorizer(const AuthPlan& plan, const std::string& base_url,
                                                           io::HttpClient& client, const Clock& clock,
                                                           const state::RefreshTokens* kept) {
  std::unique_ptr<io::HttpAuthorizer> none;
  if (plan.type == AuthPlan::Type::kNone) return none;
  ARROW_ASSIGN_OR_RAISE(io::UrlParts origin, io::ParseUrl(base_url));
  HideSecrets(plan);
  const auto constant = [&](bool in_query, config::NamedText values) {
    return std::make_unique<ConstantAuthorizer>(std::move(origin), in_query, std::move(values));
  };
  switch (plan.type) {
    case AuthPlan::Type::kBearer:
      return constant(false, {{"Authorization", "Bearer " + plan.token}});
    case AuthPlan::Type::kBasic:
      return constant(false, {{"Authorization", BasicHeader(plan.username, plan.password)}});
    case AuthPlan::Type::kApiKeyHeader:
      return constant(false, {{plan.key_name, plan.key_value}});
    case AuthPlan::Type::kApiKeyQuery:
      return constant(true, {{plan.key_name, plan.key_value}});
    case AuthPlan::Type::kHeaders:
      return constant(false, plan.headers);
    case AuthPlan::Type::kJwt:
      if (plan.token_url.empty()) {
        return std::make_unique<JwtAuthorizer>(plan.jwt, plan.where, std::move(origin), clock);
      }
      return MakeOAuth2Authorizer(plan, std::move(origin), client, clock, kept);
    case AuthPlan::Type::kOAuth2ClientCredentials:
    case AuthPlan::Type::kOAuth2RefreshToken:
    case AuthPlan::Type::kOAuth2Password:
      return MakeOAuth2Authorizer(plan, std::move(origin), client, clock, kept);
    case AuthPlan::Type::kHmac:
      return MakeHmacAuthorizer(plan, std::move(origin), clock);
    case AuthPlan::Type::kAwsSigV4:
      return std::make_unique<SigV4Authorizer>(plan.aws, std::move(origin), clock);
    case AuthPlan::Type::kSession:
      return MakeSessionAuthorizer(plan, std::move(origin), client, clock);
    case AuthPlan::Type::kNone:
      return none;
  }
  return none;
}

std::string CredentialIdentity(const AuthPlan& plan) {
  std::string text = std::to_string(static_cast<int>(plan.type));
  const auto add = [&](const std::string& part) { text += "\n" + std::to_string(part.size()) + ":" + part; };
  for (const std::string* part :
       {&plan.token, &plan.username, &plan.password, &plan.key_value, &plan.token_url, &plan.client_id,
        &plan.client_secret, &plan.refresh_token, &plan.jwt.key, &plan.jwt.claims_json, &plan.hmac.key,
        &plan.aws.access_key_id, &plan.aws.session_token, &plan.session.url, &plan.session.body_json}) {
    add(*part);
  }
  for (const auto* parts : {&plan.headers, &plan.token_params, &plan.session.headers, &plan.session.form}) {
    for (const auto& [name, value] : *parts) {
      add(name);
      add(value);
    }
    text += ';';
  }
  return Sha256Hex(text);
}

}  // namespace firn::source
