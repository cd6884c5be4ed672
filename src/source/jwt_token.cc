#include "source/jwt_token.h"

#include "base/redactor.h"
#include "expression/value.h"
#include "io/jws.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using expression::Value;

}  // namespace

Result<std::string> SignedToken(const config::JwtAuth& jwt, const std::string& where, Timestamp now) {
  expression::Map header = {{"alg", Value::String(jwt.algorithm)}, {"typ", Value::String("JWT")}};
  if (!jwt.key_id.empty()) header.emplace_back("kid", Value::String(jwt.key_id));
  ARROW_ASSIGN_OR_RAISE(const Value declared, expression::ParseJson(jwt.claims_json));
  const int64_t issued_s = now.micros / 1'000'000;
  expression::Map claims = {{"iat", Value::Int(issued_s)}, {"exp", Value::Int(issued_s + jwt.lifetime_ms / 1000)}};
  for (const auto& [name, value] : declared.as_map()) claims.emplace_back(name, value);
  auto token = io::SignJws({.algorithm = jwt.algorithm, .key = jwt.key, .passphrase = {}},
                           expression::ToJson(Value::OfMap(std::move(header))),
                           expression::ToJson(Value::OfMap(std::move(claims))));
  if (!token.ok()) {
    return rest::NamedError({.fault = Fault::kConfig,
                             .code = "E0551",
                             .message = "the token cannot be signed",
                             .where = where,
                             .why = token.status().message(),
                             .next = "check `algorithm`, and that `key` is the whole key, line breaks included"});
  }
  ProcessRedactor().AddSecret(*token);
  return token;
}

}  // namespace firn::source
