#include "source/airbyte/jwt.h"

#include "base/base64.h"
#include "base/redactor.h"
#include "io/jws.h"

namespace firn::source::airbyte {
namespace {

// A scope with the `json_loads` of this component: not available; what uses it is refused by the parser.
Status PutField(const Component& component, std::string_view field, const RunContext& run, Entries* out) {
  if (!component.Has(field)) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(Value value, text.Eval(scope));
  Put(*out, field, std::move(value));
  return Status::OK();
}

Result<std::string> TextField(const Component& component, std::string_view field, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  return text.EvalText(scope);
}

class JwtAuthenticator : public Authenticator {
 public:
  JwtAuthenticator(const Component& component, const RunContext& run, std::optional<RequestOption> option)
      : component_(component), run_(run), option_(std::move(option)) {}

  Result<RequestParts> Parts() override {
    ARROW_ASSIGN_OR_RAISE(const std::string token, SignJwt(component_, run_));
    ARROW_ASSIGN_OR_RAISE(const std::string prefix, TextField(component_, "header_prefix", run_));
    const Value value = Value::String(prefix.empty() ? token : prefix + " " + token);
    RequestParts parts;
    if (option_) {
      ARROW_RETURN_NOT_OK(option_->Put(run_, value, &parts));
    } else {
      Put(parts.headers, "Authorization", value);
    }
    return parts;
  }

 private:
  const Component component_;
  const RunContext& run_;
  const std::optional<RequestOption> option_;
};

}  // namespace

Result<std::string> SignJwt(const Component& component, const RunContext& run) {
  const std::string algorithm = component.Text("algorithm");
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(Entries headers, EvaluatedMap(component, "additional_jwt_headers", scope));
  ARROW_ASSIGN_OR_RAISE(Entries payload, EvaluatedMap(component, "additional_jwt_payload", scope));
  const Component own_headers = component.Child("jwt_headers");
  const Component own_payload = component.Child("jwt_payload");
  for (const char* field : {"kid", "typ", "cty"}) ARROW_RETURN_NOT_OK(PutField(own_headers, field, run, &headers));
  Put(headers, "alg", Value::String(algorithm));
  if (FindEntry(headers, "typ") == nullptr) Put(headers, "typ", Value::String("JWT"));
  for (const char* field : {"iss", "sub", "aud"}) ARROW_RETURN_NOT_OK(PutField(own_payload, field, run, &payload));
  const int64_t now = run.clock->LogicalNow().micros / 1'000'000;
  Put(payload, "iat", Value::Int(now));
  Put(payload, "exp", Value::Int(now + component.Integer("token_duration").value_or(1200)));
  Put(payload, "nbf", Value::Int(now));
  ARROW_ASSIGN_OR_RAISE(std::string key, TextField(component, "secret_key", run));
  ARROW_ASSIGN_OR_RAISE(const std::string passphrase, TextField(component, "passphrase", run));
  ProcessRedactor().AddSecret(key);
  if (component.Flag("base64_encode_secret_key")) key = Base64(key);
  return io::SignJws({.algorithm = algorithm, .key = std::move(key), .passphrase = passphrase},
                     jinja::ToJson(Value::OfMap(std::move(headers))), jinja::ToJson(Value::OfMap(std::move(payload))));
}

Result<std::unique_ptr<Authenticator>> MakeJwtAuthenticator(const Component& component, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(auto option, OptionField(component, "request_option"));
  return std::unique_ptr<Authenticator>(new JwtAuthenticator(component, run, std::move(option)));
}

}  // namespace firn::source::airbyte
