#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// How requests show who asks. Plain data.
namespace firn::config {

/// Ordered name and value. The value is a template.
using NamedText = std::vector<std::pair<std::string, std::string>>;

struct NoAuth {};
struct BearerAuth {
  std::string token;  // secret
};
struct BasicAuth {
  std::string username;
  std::string password;  // secret
};
struct ApiKeyAuth {
  enum class In { kHeader, kQuery };
  In in = In::kHeader;
  std::string name = "X-API-Key";  // of the header or query parameter
  std::string value;               // secret
};
/// Several headers, each a secret.
struct HeadersAuth {
  NamedText headers;
};
struct OAuth2Auth {
  enum class Grant { kClientCredentials, kRefreshToken, kPassword };
  enum class SendClientAs { kBody, kBasic };
  Grant grant = Grant::kClientCredentials;
  std::string token_url;
  std::string authorize_url;  // kRefreshToken: where a person logs in with a browser; may be empty
  std::string device_url;     // kRefreshToken: where a code for another device is asked for (RFC 8628); may be empty
  std::string client_id;
  std::string client_secret;  // secret; may be empty for public clients
  std::string refresh_token;  // secret; kRefreshToken only
  std::string username;       // kPassword only
  std::string password;       // secret; kPassword only
  std::vector<std::string> scopes;
  NamedText extra_params;  // further form fields of the token request
  SendClientAs send_client_as = SendClientAs::kBody;
};
/// A JSON web token signed here (RFC 7519): sent as it is, or exchanged for an access token (RFC 7523).
struct JwtAuth {
  std::string algorithm = "RS256";
  std::string key;     // secret: the shared one of HS*, else a private key in PEM form
  std::string key_id;  // header `kid`; may be empty
  std::string claims_json = "{}";
  int64_t lifetime_ms = 1'200'000;
  std::string token_url;   // empty: the signed token itself is sent
  NamedText extra_params;  // further form fields of the token request
};
/// A signature over parts of each request.
struct HmacAuth {
  enum class In { kHeader, kQuery };
  enum class Encoding { kHex, kBase64 };
  enum class TimestampFormat { kEpochSeconds, kEpochMillis, kIso };
  std::string key;                // secret
  bool key_is_base64 = false;     // `key` is the base64 text of the key's bytes
  std::string sign;               // template over `request`: what is signed
  std::string digest = "sha256";  // sha1 | sha256 | sha512
  Encoding encoding = Encoding::kHex;
  In in = In::kHeader;
  std::string name = "X-Signature";  // of the header or query parameter
  std::string prefix;                // before the signature
  std::string timestamp_name;        // header or query parameter of the time; empty: not sent
  TimestampFormat timestamp_format = TimestampFormat::kEpochSeconds;
};
/// AWS Signature Version 4.
struct AwsSigV4Auth {
  std::string access_key_id;
  std::string secret_access_key;  // secret
  std::string session_token;      // secret; may be empty
  std::string region;
  std::string service;
};
/// A login request whose answer holds a token.
struct SessionAuth {
  std::string url;
  std::string method = "POST";
  NamedText headers;
  std::string body_json;               // empty: none
  NamedText form;                      // instead of body_json
  std::string token;                   // path in the answer
  std::string name = "Authorization";  // of the header that carries the token
  std::string scheme = "Bearer";       // before the token and a space; empty: the token alone
  int64_t lifetime_ms = 0;             // 0: until a request is refused
};
using AuthConfig = std::variant<NoAuth, BearerAuth, BasicAuth, ApiKeyAuth, HeadersAuth, OAuth2Auth, JwtAuth, HmacAuth,
                                AwsSigV4Auth, SessionAuth>;

}  // namespace firn::config
