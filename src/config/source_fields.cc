#include "config/airbyte_fields.h"
#include "config/connector_fields.h"
#include "config/fields.h"
#include "config/files_fields.h"
#include "config/pools.h"
#include "config/process_fields.h"
#include "config/response_rule_fields.h"
#include "config/steps_fields.h"

namespace firn::config {
namespace {

constexpr int64_t kHourMs = 3'600'000;

Field NamedTexts(std::string name) {
  return Map(std::move(name), Expression("").InterpolatedIsSecret());
}

ObjectTypePtr RateLimitObject() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "rate_limit",
                 .doc = "A ceiling below the API's own; 429 and Retry-After are honoured without it.",
                 .fields = {Int("requests").Range(1, 1'000'000).Required().Doc("Requests per `per`.").Example("10"),
                            Duration("per").Range(1, 24 * kHourMs).Default("1s").Doc("The period.")}});
  return type;
}

ObjectTypePtr TimeoutsObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "timeouts",
      .doc = "Limits of one request.",
      .fields = {Duration("connect").Range(1, kHourMs).Default("10s").Doc("Until the connection stands."),
                 Duration("first_byte").Range(1, kHourMs).Default("1m").Doc("Until the answer begins."),
                 Duration("idle").Range(1, kHourMs).Default("30s").Doc("Between two pieces of the answer."),
                 Duration("total").Range(1, 24 * kHourMs).Default("10m").Doc("Until the answer is complete.")}});
  return type;
}

ObjectTypePtr RetryObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "retry",
      .doc = "Retries of 429, 5xx, resets and timeouts, with exponential back-off and jitter.",
      .fields = {Int("attempts").Range(1, 100).Default("8").Doc("Of one request, the first included."),
                 Duration("total").Range(0, 24 * kHourMs).Default("10m").Doc("Budget of all waits of one request.")}});
  return type;
}

ObjectTypePtr HttpObject() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "http",
      .doc = "The HTTP connection.",
      .fields = {
          Text("proxy")
              .InterpolatedIsSecret()
              .Doc("Proxy URL; default: the proxy variables of the environment.")
              .Example("${env:PROXY_URL}"),
          Text("ca_file").Doc("PEM file of trusted authorities instead of the system's.").Example("./ca.pem"),
          Text("client_cert")
              .Doc("PEM file of the certificate shown to servers that ask for one.")
              .Example("./client.pem"),
          Text("client_key").Doc("PEM file of its private key.").Example("./client.key"),
          Text("client_key_password").Secret().Doc("Of an encrypted key.").Example("${env:CLIENT_KEY_PASSWORD}"),
          Text("user_agent").Doc("Default: firn/<version>."),
          Size("max_body").Range(1, int64_t{1} << 40).Default("1GiB").Doc("Of one response, decompressed."),
          Bool("allow_private_redirects").Default("false").Doc("Follow redirects from public to private addresses.")}});
  return type;
}

Variant OAuth2Variant() {
  return {.tag_value = "oauth2",
          .doc = "OAuth 2.0 access tokens, refreshed when they expire.",
          .fields = {
              Enum("grant", {{"client_credentials", ""}, {"refresh_token", ""}, {"password", ""}})
                  .Default("client_credentials")
                  .Doc("The grant."),
              Url("token_url").Required().Doc("Where tokens are asked for.").Example("https://auth.shop.example/token"),
              Url("authorize_url")
                  .Doc("Where `firn auth login` sends the browser; then `refresh_token` need not be given.")
                  .Example("https://auth.shop.example/authorize"),
              Url("device_url")
                  .Doc("Where it asks for a code for another device (RFC 8628).")
                  .Example("https://auth.shop.example/device"),
              Text("client_id").Required().Doc("Client id.").Example("${env:CLIENT_ID}"),
              Text("client_secret")
                  .Secret()
                  .Doc("Client secret; empty for public clients.")
                  .Example("${env:CLIENT_SECRET}"),
              Text("refresh_token").Secret().Doc("For `grant: refresh_token`.").Example("${env:REFRESH_TOKEN}"),
              Text("username").Doc("For `grant: password`.").Example("${env:API_USER}"),
              Text("password").Secret().Doc("For `grant: password`.").Example("${env:API_PASSWORD}"),
              OneOf("scopes", {Text(""), List("", Text(""))}).Doc("Scopes asked for.").Example("[read]"),
              NamedTexts("params").Doc("Further form fields of the token request.").Example("{audience: shop}"),
              Enum("send_client_as", {{"body", ""}, {"basic", ""}})
                  .Default("body")
                  .Doc("How client id and secret are sent.")}};
}

Variant JwtVariant() {
  std::vector<EnumValue> algorithms;
  for (const char* family : {"RS", "ES", "HS"}) {
    for (const char* bits : {"256", "384", "512"}) algorithms.push_back({std::string(family) + bits, ""});
  }
  return {
      .tag_value = "jwt",
      .doc = "A JSON web token signed here: sent as a bearer token, or exchanged for one at `token_url`.",
      .fields = {
          Enum("algorithm", std::move(algorithms)).Default("RS256").Doc("HS takes a shared secret, RS and ES a key."),
          Text("key")
              .Required()
              .Secret()
              .Doc("The shared secret, or the private key in PEM form.")
              .Example("${file:./service-account.pem}"),
          Text("key_id").Doc("`kid` of the token's header."),
          Json("claims")
              .InterpolatedIsSecret()
              .Doc("What the token says; `iat` and `exp` are added.")
              .Example("{iss: loader@shop.example, aud: https://auth.shop.example/token}"),
          Duration("lifetime").Range(60'000, 24 * kHourMs).Default("20m").Doc("How long it is good."),
          Url("token_url")
              .Doc("Where it is exchanged for an access token (RFC 7523), as Google's service accounts want it.")
              .Example("https://oauth2.googleapis.com/token"),
          NamedTexts("params").Doc("Further form fields of that exchange.").Example("{resource: orders}")}};
}

Variant HmacVariant() {
  return {
      .tag_value = "hmac",
      .doc = "A keyed hash over parts of each request.",
      .fields = {
          Text("key").Required().Secret().Doc("The shared key.").Example("${env:API_SECRET}"),
          Enum("key_encoding", {{"text", ""}, {"base64", "the key is base64 of its bytes"}})
              .Default("text")
              .Doc("How the key is written."),
          Expression("sign")
              .Required()
              .Doc("What is signed, of `request`: `method`, `path`, `query` (without `?`), `target` (path and query), "
                   "`url`, `host`, `body`, `body_sha256` (hex), `timestamp`.")
              .Example("{{ request.timestamp }}{{ request.method }}{{ request.target }}{{ request.body }}"),
          Enum("digest", {{"sha1", ""}, {"sha256", ""}, {"sha512", ""}}).Default("sha256").Doc("The hash."),
          Enum("encoding", {{"hex", ""}, {"base64", ""}}).Default("hex").Doc("Of the signature."),
          Enum("in", {{"header", ""}, {"query", ""}}).Default("header").Doc("Where signature and time are sent."),
          Text("name").Default("X-Signature").Doc("Name of the header or parameter."),
          Text("prefix").Doc("Text before the signature.").Example("sha256="),
          Text("timestamp_name")
              .Doc("Header or parameter that carries the time; default: none.")
              .Example("X-Timestamp"),
          Enum("timestamp_format", {{"epoch_s", ""}, {"epoch_ms", ""}, {"iso", ""}})
              .Default("epoch_s")
              .Doc("How the time is written.")}};
}

Variant AwsSigV4Variant() {
  return {.tag_value = "aws_sigv4",
          .doc = "AWS signatures, version 4.",
          .fields = {
              Text("access_key_id").Required().Doc("Access key.").Example("${env:AWS_ACCESS_KEY_ID}"),
              Text("secret_access_key").Required().Secret().Doc("Its secret.").Example("${env:AWS_SECRET_ACCESS_KEY}"),
              Text("session_token").Secret().Doc("Of temporary keys.").Example("${env:AWS_SESSION_TOKEN}"),
              Text("region").Required().Doc("Region.").Example("eu-central-1"),
              Text("service").Default("execute-api").Doc("Service; `execute-api` is API Gateway.")}};
}

Variant SessionVariant() {
  return {.tag_value = "session",
          .doc = "Logs in, sends the token of the answer, and logs in again when it ends or is refused.",
          .fields = {
              Url("url").Required().Doc("Of the login.").Example("https://api.shop.example/login"),
              Enum("method", {{"POST", ""}, {"PUT", ""}, {"GET", ""}}).Default("POST").Doc("HTTP method of the login."),
              NamedTexts("headers").Doc("Headers of the login."),
              Json("body")
                  .InterpolatedIsSecret()
                  .Doc("JSON body of the login.")
                  .Example("{user: \"${env:API_USER}\", password: \"${env:API_PASSWORD}\"}"),
              NamedTexts("form").Doc("Form fields of the login, instead of `body`."),
              Text("token_path").Required().Doc("Path of the token in the answer.").Example("data.token"),
              Text("name").Default("Authorization").Doc("Header that carries the token."),
              Text("scheme").Default("Bearer").Doc("Word before the token; \"\" for the token alone."),
              Duration("lifetime")
                  .Range(1'000, 366 * 24 * kHourMs)
                  .Doc("How long a token is good; default: until refused.")}};
}

std::vector<Variant> AuthVariants() {
  return {
      {.tag_value = "none", .doc = "No authentication.", .fields = {}},
      {.tag_value = "bearer",
       .doc = "`Authorization: Bearer <token>`.",
       .fields = {Text("token").Required().Secret().Doc("The token.").Example("${env:API_TOKEN}")}},
      {.tag_value = "basic",
       .doc = "HTTP basic authentication.",
       .fields = {Text("username").Required().Doc("User name.").Example("${env:API_USER}"),
                  Text("password").Secret().Doc("Password; may be empty.").Example("${env:API_PASSWORD}")}},
      {.tag_value = "api_key",
       .doc = "A key in a header or query parameter.",
       .fields = {Text("value").Required().Secret().Doc("The key.").Example("${env:API_KEY}"),
                  Enum("in", {{"header", ""}, {"query", ""}}).Default("header").Doc("Where it is sent."),
                  Text("name").Default("X-API-Key").Doc("Name of the header or parameter.")}},
      {.tag_value = "headers",
       .doc = "Several headers, all of them secrets.",
       .fields = {Map("headers", Text("").Secret())
                      .Required()
                      .Doc("Names and values.")
                      .Example("{X-Key: \"${env:API_KEY}\", X-Secret: \"${env:API_SECRET}\"}")}},
      OAuth2Variant(),
      JwtVariant(),
      HmacVariant(),
      AwsSigV4Variant(),
      SessionVariant(),
  };
}

std::vector<Variant> PaginateVariants() {
  const auto param = [](std::string name) { return Text("param").Default(std::move(name)).Doc("Query parameter."); };
  const auto body_path = [] {
    return Text("body_path").Doc("Path in the request body, instead of `param`.").Example("page.number");
  };
  const auto size = [] { return Int("page_size").Range(1, 1'000'000).Doc("Rows asked for per page.").Example("100"); };
  const auto size_param = [](std::optional<std::string> name) {
    Field field = Text("size_param").Doc("Query parameter of `page_size`.").Example("limit");
    field.default_text = std::move(name);
    return field;
  };
  return {
      {.tag_value = "auto",
       .doc = "Finds out which of the others it is from the first pages, and says so.",
       .fields = {size(), size_param(std::nullopt)}},
      {.tag_value = "none", .doc = "One request holds all rows.", .fields = {}},
      {.tag_value = "page",
       .doc = "Page numbers.",
       .fields = {param("page"), body_path(),
                  Int("start").Range(0, 1'000'000'000).Default("1").Doc("First page number."), size(),
                  size_param(std::nullopt),
                  Text("total_pages").Doc("Path in the body of the number of pages.").Example("meta.pages")}},
      {.tag_value = "offset",
       .doc = "Offset and limit.",
       .fields = {param("offset"), body_path(), Int("start").Range(0, 1'000'000'000).Default("0").Doc("First offset."),
                  size(), size_param("limit"),
                  Text("total_rows").Doc("Path in the body of the number of rows.").Example("meta.total")}},
      {.tag_value = "cursor",
       .doc = "A token in the body or a header names the next page.",
       .fields = {Text("next").Doc("Path in the body of the next token.").Example("meta.next"),
                  Text("header").Doc("Response header of the next token, instead of `next`.").Example("X-Next-Cursor"),
                  Text("last_record")
                      .Doc(
                          "Path of the next token in the last record of the page, instead of `next`; reading ends with "
                          "`has_more`, else with a page without records.")
                      .Example("id"),
                  Text("param").Doc("Query parameter that carries the token.").Example("cursor"), body_path(), size(),
                  size_param(std::nullopt)}},
      {.tag_value = "link_header",
       .doc = "`Link: <url>; rel=\"next\"` (RFC 8288).",
       .fields = {Text("rel").Default("next").Doc("The relation to follow."), size(), size_param(std::nullopt)}},
      {.tag_value = "next_url",
       .doc = "The body holds the URL of the next page.",
       .fields = {Text("next").Required().Doc("Path in the body of the next URL.").Example("links.next"), size(),
                  size_param(std::nullopt)}},
      {.tag_value = "graphql",
       .doc = "The `pageInfo` of a GraphQL connection: its `endCursor` goes into a variable while `hasNextPage`.",
       .fields = {Text("page_info").Required().Doc("Path of it in the body.").Example("data.orders.pageInfo"),
                  Text("variable").Default("after").Doc("Variable of the query that carries the cursor.")}},
  };
}

}  // namespace

ObjectTypePtr AuthType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "auth",
                 .doc = "How requests are authenticated. Never sent to another host.",
                 .tag = "type",
                 .variants = AuthVariants(),
                 .foreign = {{"api_token", "write `type: bearer` and `token:`"},
                             {"api_key", "write `type: api_key` and `value:`"},
                             {"location", "write `in: header` or `in: query`"},
                             {"access_token_url", "write `token_url:`"},
                             {"token_refresh_endpoint", "write `token_url:`"},
                             {"user", "write `username:`"},
                             {"key", "write `value:`"},
                             {"header", "write `in: header` and `name: <header>`"}}});
  return type;
}

ObjectTypePtr PaginateObjectType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "paginate",
      .doc = "How the next page is asked for. Short form: the type alone.",
      .fields = {Text("has_more").Doc("Path in the body of a boolean; false ends reading.").Example("meta.has_more"),
                 Expression("stop").Doc("A true value ends reading.").Example("{{ response.count == 0 }}"),
                 Int("pages_max")
                     .Range(1, 1'000'000'000)
                     .Default("1000000")
                     .Doc("Guard against endless paging; reaching it is an error.")},
      .tag = "type",
      .tag_default = "auto",
      .variants = PaginateVariants(),
      .foreign = {{"page_param", "write `param:`"},
                  {"offset_param", "write `param:`"},
                  {"cursor_param", "write `param:`"},
                  {"cursor_path", "write `next:`"},
                  {"cursor_value", "write `next: <path>`"},
                  {"next_url_path", "write `type: next_url` and `next:`"},
                  {"limit", "write `page_size:`"},
                  {"limit_param", "write `size_param:`"},
                  {"total_path", "write `total_pages:` or `total_rows:`"},
                  {"base_page", "write `start:`"},
                  {"initial_page", "write `start:`"},
                  {"start_from_page", "write `start:`"},
                  {"maximum_page", "write `pages_max:`"},
                  {"stop_condition", "write `stop: \"{{ … }}\"`"},
                  {"stop_when", "write `stop: \"{{ … }}\"`"},
                  {"next_header", "write `header:`"}}});
  return type;
}

ObjectTypePtr SourceType() {
  static const auto type = [] {
    std::vector<EnumValue> short_forms;
    for (const Variant& variant : PaginateVariants()) short_forms.push_back({variant.tag_value, variant.doc});
    Variant rest{.tag_value = "rest", .doc = "A REST API that answers with JSON."};
    rest.fields = {
        Url("base_url")
            .Required()
            .Doc("URL that the paths of the tables are joined to.")
            .Example("https://api.shop.example"),
        Object("auth", AuthType()).Doc("Default: none.").Example("{type: bearer, token: \"${env:API_TOKEN}\"}"),
        NamedTexts("headers").Doc("Headers of every request.").Example("{Accept: application/json}"),
        NamedTexts("params").Doc("Query parameters of every request.").Example("{expand: items}"),
        OneOf("paginate", {Enum("", std::move(short_forms)), Object("", PaginateObjectType())})
            .Doc("Default of its tables."),
        ResponseRulesField(
            "What answers of its tables mean, those with a good status too; after the rules of the table."),
        Object("rate_limit", RateLimitObject()).Doc("A ceiling of requests.").Example("{requests: 10, per: 1s}"),
        Int("concurrency").Range(1, 256).Default("4").Doc("Requests in flight."),
        Int("jobs_max").Range(1, 256).Default("2").Doc("Jobs under way at once, of all tables."),
        Object("timeouts", TimeoutsObject()).Doc("Limits of one request."),
        Object("retry", RetryObject()).Doc("Retries."),
        Object("http", HttpObject()).Doc("Proxy, authorities, user agent, size limit."),
    };
    ObjectType source{.name = "source", .doc = "What a pipeline reads from.", .fields = {PoolField()}, .tag = "type"};
    Variant connector = ConnectorSourceVariant(rest.fields);
    source.variants.push_back(std::move(rest));
    source.variants.push_back(std::move(connector));
    source.variants.push_back(AirbyteSourceVariant());
    source.variants.push_back(FilesSourceVariant());
    source.variants.push_back(ProcessSourceVariant());
    source.variants.push_back(StepsSourceVariant());
    for (const char* name : {"postgres", "mysql", "mongodb", "webhook", "airbyte"}) {
      source.variants.push_back({.tag_value = name, .fields = {}, .unbuilt = true});
    }
    source.foreign = {{"env", "write `environment:`"},
                      {"executable", "write `command:`"},
                      {"bucket_url", "write `location:`"},
                      {"bucket", "write `location: s3://<bucket>/<prefix>`"},
                      {"file_glob", "write `path:` in the table"},
                      {"glob", "write `path:` in the table"},
                      {"url", "write `base_url:`"},
                      {"url_base", "write `base_url:`"},
                      {"authenticator", "write `auth:`"},
                      {"paginator", "write `paginate:`"},
                      {"request_headers", "write `headers:`"},
                      {"request_parameters", "write `params:`"},
                      {"client", "write its keys here: `base_url:`, `auth:`"},
                      {"streams", "write `tables:` beside `source:`"},
                      {"resources", "write `tables:` beside `source:`"},
                      {"token", "write `auth: {type: bearer, token: …}`"},
                      {"tables", "write `tables:` beside `source:`"},
                      {"limits", "write `pool:` or `rate_limit:`"},
                      {"account_limit", "write `pool: {name: …, slots: 2}`"}};
    return std::make_shared<const ObjectType>(std::move(source));
  }();
  return type;
}

}  // namespace firn::config
