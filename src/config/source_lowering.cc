#include <algorithm>
#include <array>

#include "base/redactor.h"
#include "config/airbyte_lowering.h"
#include "config/fields.h"
#include "config/files_lowering.h"
#include "config/json_text.h"
#include "config/lowering.h"
#include "config/process_lowering.h"
#include "config/response_rule_lowering.h"
#include "config/secret_names.h"
#include "config/steps_lowering.h"
#include "config/text_position.h"
#include "config/value_text.h"

namespace firn::config {
namespace {

// A shorter literal is more likely a word, and hiding it would damage logs.
constexpr size_t kLiteralSecretBytesMin = 12;

std::string WithoutTrailingSlash(std::string url) {
  while (url.ends_with('/') && !url.ends_with("://")) url.pop_back();
  return url;
}

OAuth2Auth::Grant GrantOf(const std::string& name) {
  if (name == "refresh_token") return OAuth2Auth::Grant::kRefreshToken;
  return name == "password" ? OAuth2Auth::Grant::kPassword : OAuth2Auth::Grant::kClientCredentials;
}

// `field` is needed by one grant and has no effect with the others.
void JudgeGrantField(const ObjectView& auth, std::string_view grant, const std::string& field, const std::string& path,
                     const LoweringContext& context) {
  const std::string chosen = auth.Text("grant");
  std::string variable = field == "username" ? "API_USER" : field == "password" ? "API_PASSWORD" : "REFRESH_TOKEN";
  if (chosen == grant && !auth.Has(field)) {
    context.Error("E0204", path, "`grant: " + chosen + "` needs `" + field + "`").help =
        "add `" + field + ": ${env:" + variable + "}`";
  }
  if (chosen != grant && auth.Has(field)) {
    context.Error("E0208", path + "." + field, "`" + field + "` has no effect with `grant: " + chosen + "`").help =
        "write `grant: " + std::string(grant) + "`, or remove it";
  }
}

AuthConfig LowerOAuth2(const ObjectView& auth, const std::string& path, const LoweringContext& context) {
  const bool person_logs_in = auth.Has("authorize_url") || auth.Has("device_url");
  if (!person_logs_in || auth.Has("refresh_token")) {
    JudgeGrantField(auth, "refresh_token", "refresh_token", path, context);
  }
  for (const char* field : {"authorize_url", "device_url"}) {
    if (auth.Has(field)) JudgeGrantField(auth, "refresh_token", field, path, context);
  }
  JudgeGrantField(auth, "password", "username", path, context);
  JudgeGrantField(auth, "password", "password", path, context);
  return OAuth2Auth{.grant = GrantOf(auth.Text("grant")),
                    .token_url = auth.Text("token_url"),
                    .authorize_url = auth.Text("authorize_url"),
                    .device_url = auth.Text("device_url"),
                    .client_id = auth.Text("client_id"),
                    .client_secret = auth.Text("client_secret"),
                    .refresh_token = auth.Text("refresh_token"),
                    .username = auth.Text("username"),
                    .password = auth.Text("password"),
                    .scopes = auth.TextList("scopes"),
                    .extra_params = LowerNamedText(auth, "params", path + ".params", context),
                    .send_client_as = auth.Text("send_client_as") == "basic" ? OAuth2Auth::SendClientAs::kBasic
                                                                             : OAuth2Auth::SendClientAs::kBody};
}

AuthConfig LowerJwt(const ObjectView& auth, const std::string& path, const LoweringContext& context) {
  const Node* claims = auth.Find("claims");
  if (claims != nullptr && claims->kind != NodeKind::kMapping) {
    context.Error("E0202", path + ".claims", "`claims` must be a mapping").help = "claims: {iss: …, aud: …}";
  }
  if (auth.Has("params") && !auth.Has("token_url")) {
    context.Error("E0208", path + ".params", "`params` has no effect without `token_url`").help =
        "add `token_url:`, or remove it";
  }
  return JwtAuth{.algorithm = auth.Text("algorithm"),
                 .key = auth.Text("key"),
                 .key_id = auth.Text("key_id"),
                 .claims_json = claims == nullptr ? "{}" : JsonTextOf(*claims),
                 .lifetime_ms = auth.Int("lifetime"),
                 .token_url = auth.Text("token_url"),
                 .extra_params = LowerNamedText(auth, "params", path + ".params", context)};
}

AuthConfig LowerHmac(const ObjectView& auth) {
  const std::string format = auth.Text("timestamp_format");
  return HmacAuth{
      .key = auth.Text("key"),
      .key_is_base64 = auth.Text("key_encoding") == "base64",
      .sign = auth.Text("sign"),
      .digest = auth.Text("digest"),
      .encoding = auth.Text("encoding") == "base64" ? HmacAuth::Encoding::kBase64 : HmacAuth::Encoding::kHex,
      .in = auth.Text("in") == "query" ? HmacAuth::In::kQuery : HmacAuth::In::kHeader,
      .name = auth.Text("name"),
      .prefix = auth.Text("prefix"),
      .timestamp_name = auth.Text("timestamp_name"),
      .timestamp_format = format == "iso"        ? HmacAuth::TimestampFormat::kIso
                          : format == "epoch_ms" ? HmacAuth::TimestampFormat::kEpochMillis
                                                 : HmacAuth::TimestampFormat::kEpochSeconds};
}

AuthConfig LowerSession(const ObjectView& auth, const std::string& path, const LoweringContext& context) {
  if (auth.Has("body") && auth.Has("form")) {
    context.Error("E0208", path + ".form", "`form` has no effect beside `body`").help = "remove one of the two";
  }
  const Node* body = auth.Find("body");
  return SessionAuth{.url = auth.Text("url"),
                     .method = auth.Text("method"),
                     .headers = LowerNamedText(auth, "headers", path + ".headers", context),
                     .body_json = body == nullptr ? "" : JsonTextOf(*body),
                     .form = LowerNamedText(auth, "form", path + ".form", context),
                     .token = auth.Text("token_path"),
                     .name = auth.Text("name"),
                     .scheme = auth.Text("scheme"),
                     .lifetime_ms = auth.Int("lifetime")};
}

PaginateType TypeOf(std::string_view name) {
  constexpr std::array kTypes = {PaginateType::kAuto,   PaginateType::kNone,   PaginateType::kPage,
                                 PaginateType::kOffset, PaginateType::kCursor, PaginateType::kLinkHeader,
                                 PaginateType::kNextUrl};
  for (const PaginateType type : kTypes) {
    if (ToString(type) == name) return type;
  }
  return PaginateType::kAuto;
}

void JudgePaginate(const PaginateConfig& p, const std::string& path, const LoweringContext& context) {
  if (p.type == PaginateType::kCursor) {
    const int num_places = !p.next.empty() + !p.next_header.empty() + !p.last_record.empty();
    if (num_places != 1) {
      context.Error("E0410", path, "`type: cursor` needs one of `next`, `header` and `last_record`").help =
          "`next` is the path of the next token in the body, for example `next: meta.next`";
    }
    if (p.param.empty() == p.body_path.empty()) {
      context.Error("E0410", path, "`type: cursor` needs one of `param` and `body_path`").help =
          "`param` is the query parameter that carries the token, for example `param: cursor`";
    }
  }
  if (p.page_size && p.size_param.empty()) {
    context.Error("E0410", path + ".page_size", "`page_size` is not sent anywhere").help =
        "add `size_param:`, the query parameter that carries it";
  }
  if (p.type == PaginateType::kOffset && !p.page_size) {
    context.Error("E0410", path, "`type: offset` needs `page_size`").help = "add `page_size: 100`";
  }
}

}  // namespace

AuthConfig LowerAuth(const ObjectView& auth, const std::string& path, const LoweringContext& context) {
  const std::string_view type = auth.variant();
  if (type == "bearer") return BearerAuth{.token = auth.Text("token")};
  if (type == "basic") return BasicAuth{.username = auth.Text("username"), .password = auth.Text("password")};
  if (type == "api_key") {
    return ApiKeyAuth{.in = auth.Text("in") == "query" ? ApiKeyAuth::In::kQuery : ApiKeyAuth::In::kHeader,
                      .name = auth.Text("name"),
                      .value = auth.Text("value")};
  }
  if (type == "headers") return HeadersAuth{.headers = LowerNamedText(auth, "headers", path + ".headers", context)};
  if (type == "oauth2") return LowerOAuth2(auth, path, context);
  if (type == "jwt") return LowerJwt(auth, path, context);
  if (type == "hmac") return LowerHmac(auth);
  if (type == "session") return LowerSession(auth, path, context);
  if (type == "aws_sigv4") {
    return AwsSigV4Auth{.access_key_id = auth.Text("access_key_id"),
                        .secret_access_key = auth.Text("secret_access_key"),
                        .session_token = auth.Text("session_token"),
                        .region = auth.Text("region"),
                        .service = auth.Text("service")};
  }
  return NoAuth{};
}

NamedText LowerNamedText(const ObjectView& owner, std::string_view field, const std::string& path,
                         const LoweringContext& context) {
  NamedText out;
  for (auto& [name, value] : owner.TextMap(field)) {
    const std::string item = path + "." + name;
    const bool header = field == "headers";
    const auto token = [](unsigned char c) {
      return c > ' ' && c < 0x7F &&
             std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
    };
    if (name.empty() || (header && !std::all_of(name.begin(), name.end(), token))) {
      context.Error("E0209", item, "`" + Shown(name) + "` is not a header name");
    }
    if (header && value.find_first_of("\r\n") != std::string::npos) {
      context.Error("E0206", item, "the header `" + Shown(name) + "` holds a line break");
    }
    const bool literal_secret = LooksSecret(name) && value.size() >= kLiteralSecretBytesMin && !IsTemplate(value);
    if (literal_secret) ProcessRedactor().AddSecret(value);
    out.emplace_back(name, std::move(value));
  }
  return out;
}

PaginateConfig LowerPaginate(const ObjectView& owner, const std::string& path, const LoweringContext& context) {
  PaginateConfig out;
  const std::string place = path + ".paginate";
  if (owner.IsScalar("paginate")) {
    out.type = TypeOf(owner.Text("paginate"));
    if (out.type == PaginateType::kPage) out.param = "page";
    if (owner.Text("paginate") == "graphql") {
      context.Error("E0410", place, "`graphql` needs the path of the connection's `pageInfo`").help =
          "write `paginate: {type: graphql, page_info: data.orders.pageInfo}`";
      return out;
    }
    if (out.type == PaginateType::kNextUrl) {
      context.Error("E0410", place, "`next_url` needs the path of the next URL").help =
          "write `paginate: {type: next_url, next: links.next}`";
      return out;
    }
    if (out.type == PaginateType::kOffset || out.type == PaginateType::kCursor) JudgePaginate(out, place, context);
    return out;
  }
  const ObjectView view = owner.Object("paginate");
  out.type = TypeOf(view.variant());
  out.has_more = view.Text("has_more");
  out.stop_when = view.Text("stop");
  out.pages_max = view.Int("pages_max");
  if (view.variant() == "graphql") {
    const std::string page_info = view.Text("page_info");
    out.type = PaginateType::kCursor;
    out.next = page_info + ".endCursor";
    out.has_more = page_info + ".hasNextPage";
    out.body_path = "variables." + view.Text("variable");
    return out;
  }
  if (out.type == PaginateType::kNone) return out;
  out.page_size = view.OptionalInt("page_size");
  out.size_param = view.Text("size_param");
  switch (out.type) {
    case PaginateType::kPage:
      out.total_pages = view.Text("total_pages");
      break;
    case PaginateType::kOffset:
      out.total_rows = view.Text("total_rows");
      break;
    case PaginateType::kCursor:
      out.next = view.Text("next");
      out.next_header = view.Text("header");
      out.last_record = view.Text("last_record");
      break;
    case PaginateType::kNextUrl:
      out.next = view.Text("next");
      break;
    case PaginateType::kLinkHeader:
      out.rel = view.Text("rel");
      break;
    default:
      break;
  }
  const bool sends =
      out.type == PaginateType::kPage || out.type == PaginateType::kOffset || out.type == PaginateType::kCursor;
  if (sends) {
    out.body_path = view.Text("body_path");
    if (out.body_path.empty() || view.Has("param")) out.param = view.Text("param");
  }
  if (out.type == PaginateType::kPage || out.type == PaginateType::kOffset) out.start = view.Int("start");
  if (sends && !out.body_path.empty() && !out.param.empty() && out.type != PaginateType::kCursor) {
    context.Error("E0410", place + ".body_path", "both `param` and `body_path` are given").help =
        "remove one of the two";
  }
  JudgePaginate(out, place, context);
  return out;
}

std::string_view SourceTypeOf(const SourceConfig& source) {
  struct Name {
    std::string_view operator()(const RestSourceConfig&) const { return "rest"; }
    std::string_view operator()(const AirbyteSourceConfig&) const { return "airbyte"; }
    std::string_view operator()(const FilesSourceConfig&) const { return "files"; }
    std::string_view operator()(const ProcessSourceConfig&) const { return "process"; }
    std::string_view operator()(const StepsSourceConfig&) const { return "steps"; }
  };
  return std::visit(Name(), source);
}

SourceConfig LowerSource(const ObjectView& source, const std::string& path, const LoweringContext& context) {
  if (source.variant() == "airbyte") return LowerAirbyteSource(source, path, context);
  if (source.variant() == "files") return LowerFilesSource(source, path, context);
  if (source.variant() == "process") return LowerProcessSource(source, path, context);
  if (source.variant() == "steps") return LowerStepsSource(source, path, context);
  RestSourceConfig out;
  out.base_url = WithoutTrailingSlash(source.Text("base_url"));
  out.auth = LowerAuth(source.Object("auth"), path + ".auth", context);
  out.headers = LowerNamedText(source, "headers", path + ".headers", context);
  out.params = LowerNamedText(source, "params", path + ".params", context);
  if (source.Has("paginate")) out.paginate = LowerPaginate(source, path, context);
  if (source.Has("rate_limit")) {
    const ObjectView limit = source.Object("rate_limit");
    out.rate_limit = RateLimitConfig{.requests = limit.Int("requests"), .per_ms = limit.Int("per")};
  }
  out.on_response = LowerResponseRules(source, path, context);
  out.concurrency = source.Int("concurrency");
  out.jobs_max = source.Int("jobs_max");
  const ObjectView timeouts = source.Object("timeouts");
  out.timeouts = {.connect_ms = timeouts.Int("connect"),
                  .first_byte_ms = timeouts.Int("first_byte"),
                  .idle_ms = timeouts.Int("idle"),
                  .total_ms = timeouts.Int("total")};
  const ObjectView retry = source.Object("retry");
  out.retry = {.attempts_max = retry.Int("attempts"), .total_ms = retry.Int("total")};
  const ObjectView http = source.Object("http");
  out.http = {.proxy = http.Text("proxy"),
              .ca_file = http.Has("ca_file") ? context.Absolute(http.Text("ca_file")) : "",
              .client_cert_file = http.Has("client_cert") ? context.Absolute(http.Text("client_cert")) : "",
              .client_key_file = http.Has("client_key") ? context.Absolute(http.Text("client_key")) : "",
              .client_key_password = http.Text("client_key_password"),
              .user_agent = http.Text("user_agent"),
              .body_bytes_max = http.Int("max_body"),
              .allow_private_redirects = http.Bool("allow_private_redirects")};
  if (http.Has("client_cert") != http.Has("client_key")) {
    context.Error("E0204", path + ".http", "`client_cert` and `client_key` go together").help =
        "name the file of the other; both may be one file";
  }
  if (out.http.proxy.find('@') != std::string::npos) ProcessRedactor().AddSecret(out.http.proxy);
  return out;
}

}  // namespace firn::config
