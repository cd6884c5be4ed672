#include "source/hmac_authorizer.h"

#include "base/base64.h"
#include "base/hash.h"
#include "base/hmac.h"
#include "base/redactor.h"
#include "expression/expression.h"
#include "format/json/bytes_parse.h"
#include "source/rest/errors.h"

namespace firn::source {
namespace {

using config::HmacAuth;
using expression::Value;

Status CannotSign(const std::string& where, const Status& why) {
  return rest::NamedError({.fault = Fault::kConfig,
                           .code = "E0552",
                           .message = "a request cannot be signed",
                           .where = where,
                           .why = why.message(),
                           .next = "check `sign` and `key`"});
}

Digest DigestOf(const std::string& name) {
  if (name == "sha1") return Digest::kSha1;
  return name == "sha512" ? Digest::kSha512 : Digest::kSha256;
}

std::string TimeText(HmacAuth::TimestampFormat format, Timestamp now) {
  switch (format) {
    case HmacAuth::TimestampFormat::kEpochSeconds:
      return std::to_string(now.micros / 1'000'000);
    case HmacAuth::TimestampFormat::kEpochMillis:
      return std::to_string(now.micros / 1'000);
    case HmacAuth::TimestampFormat::kIso:
      return FormatTimestamp({.micros = now.micros / 1'000'000 * 1'000'000});
  }
  return "";
}

class HmacAuthorizer : public io::HttpAuthorizer {
 public:
  HmacAuthorizer(HmacAuth options, std::string key, expression::Template sign, std::string where, io::UrlParts origin,
                 const Clock& clock)
      : options_(std::move(options)),
        key_(std::move(key)),
        sign_(std::move(sign)),
        where_(std::move(where)),
        origin_(std::move(origin)),
        clock_(clock) {}

  Status Authorize(io::HttpRequest& request, std::stop_token /*stop*/) override {
    ARROW_ASSIGN_OR_RAISE(io::UrlParts target, io::ParseUrl(request.url));
    if (!target.SameOrigin(origin_)) return Status::OK();
    request.follow_redirects = false;  // another address would need another signature
    const std::string time = TimeText(options_.timestamp_format, clock_.Now());
    if (!options_.timestamp_name.empty()) {
      Put(request, options_.timestamp_name, time);
      ARROW_ASSIGN_OR_RAISE(target, io::ParseUrl(request.url));
    }
    const auto text = sign_.Render({.names = {{"request", Parts(request, target, time)}}});
    if (!text.ok()) return CannotSign(where_, text.status());
    Put(request, options_.name, options_.prefix + Signature(*text));
    return Status::OK();
  }
  Result<bool> Renew(const io::HttpRequest& /*rejected*/, std::stop_token /*stop*/) override { return false; }

 private:
  static Value Parts(const io::HttpRequest& request, const io::UrlParts& target, const std::string& time) {
    const size_t mark = target.path_and_query.find('?');
    const std::string query = mark == std::string::npos ? "" : target.path_and_query.substr(mark + 1);
    return Value::OfMap({{"method", Value::String(request.method)},
                         {"url", Value::String(request.url)},
                         {"host", Value::String(target.host)},
                         {"path", Value::String(target.path_and_query.substr(0, mark))},
                         {"query", Value::String(query)},
                         {"target", Value::String(target.path_and_query)},
                         {"body", Value::String(request.body)},
                         {"body_sha256", Value::String(Sha256Hex(request.body))},
                         {"timestamp", Value::String(time)}});
  }

  std::string Signature(const std::string& text) const {
    const std::string bytes = Hmac(DigestOf(options_.digest), key_, text);
    if (options_.encoding == HmacAuth::Encoding::kBase64) return Base64(bytes);
    return HexOf(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }

  void Put(io::HttpRequest& request, const std::string& name, std::string value) const {
    if (options_.in == HmacAuth::In::kQuery) {
      request.url = io::WithQueryReplaced(request.url, name, value);
    } else {
      request.headers.Set(name, std::move(value));
    }
  }

  const HmacAuth options_;
  const std::string key_;  // its bytes
  const expression::Template sign_;
  const std::string where_;
  const io::UrlParts origin_;
  const Clock& clock_;
};

}  // namespace

Result<std::unique_ptr<io::HttpAuthorizer>> MakeHmacAuthorizer(const connector::AuthPlan& plan, io::UrlParts origin,
                                                               const Clock& clock) {
  auto sign = expression::Template::Parse(plan.hmac.sign);
  if (!sign.ok()) return CannotSign(plan.where, sign.status());
  std::string key = plan.hmac.key;
  if (plan.hmac.key_is_base64) {
    auto bytes = format::json::ParseBase64(key);
    if (!bytes) return CannotSign(plan.where, MakeError(Fault::kConfig, "`key` is no base64 text"));
    key = *std::move(bytes);
  }
  return std::make_unique<HmacAuthorizer>(plan.hmac, std::move(key), *std::move(sign), plan.where, std::move(origin),
                                          clock);
}

}  // namespace firn::source
