#pragma once

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
struct OAuth2Auth {
  enum class Grant { kClientCredentials, kRefreshToken };
  enum class SendClientAs { kBody, kBasic };
  Grant grant = Grant::kClientCredentials;
  std::string token_url;
  std::string client_id;
  std::string client_secret;  // secret; may be empty for public clients
  std::string refresh_token;  // secret; kRefreshToken only
  std::vector<std::string> scopes;
  NamedText extra_params;  // further form fields of the token request
  SendClientAs send_client_as = SendClientAs::kBody;
};
using AuthConfig = std::variant<NoAuth, BearerAuth, BasicAuth, ApiKeyAuth, OAuth2Auth>;

}  // namespace firn::config
