#include "server/catalog/access.h"

#include <nlohmann/json.hpp>

#include "base/uuid.h"
#include "server/catalog/json.h"
#include "server/catalog/rest_error.h"

namespace firn::server {
namespace {

constexpr size_t kSecretBytesMin = 16;
constexpr size_t kGrantsMax = 100'000;

Sha256Digest DigestOf(std::string_view text) {
  Sha256 hash;
  hash.Update(text);
  return hash.Finish();
}

Result<std::set<Scope>> ParseScopes(const std::vector<std::string>& names) {
  if (names.empty()) return std::set<Scope>{Scope::kRead, Scope::kWrite};
  std::set<Scope> scopes;
  for (const std::string& name : names) {
    if (name == "catalog") {
      scopes.insert({Scope::kRead, Scope::kWrite});
    } else if (name == "catalog:read") {
      scopes.insert(Scope::kRead);
    } else {
      return MakeError(Fault::kConfig, "unknown scope: " + name, {.next = "write catalog or catalog:read"});
    }
  }
  return scopes;
}

std::string ScopeText(const std::set<Scope>& scopes) {
  return scopes.contains(Scope::kWrite) ? "catalog" : "catalog:read";
}

Result<std::vector<ClientCredential>> ParseEntries(const Json& file, const char* list, const char* id,
                                                   const char* secret) {
  std::vector<ClientCredential> entries;
  ARROW_ASSIGN_OR_RAISE(const Json* array, ArrayIn(file, list));
  if (array == nullptr) return entries;
  for (const Json& json : *array) {
    const std::string place = std::string(list) + "[" + std::to_string(entries.size()) + "]";
    if (!json.is_object()) return MakeError(Fault::kConfig, place + " must be an object");
    ClientCredential entry;
    ARROW_ASSIGN_OR_RAISE(entry.id, RequiredText(json, id));
    ARROW_ASSIGN_OR_RAISE(entry.secret, RequiredText(json, secret));
    ARROW_ASSIGN_OR_RAISE(const auto names, TextList(json, "scopes"));
    ARROW_ASSIGN_OR_RAISE(entry.scopes, ParseScopes(names));
    if (entry.secret.size() < kSecretBytesMin) {
      return MakeError(Fault::kConfig, place + "." + secret + " has fewer than 16 characters");
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

io::ServedResponse OAuthError(int status, const char* error, const char* description) {
  return {.status = status,
          .body = Dump({{"error", error}, {"error_description", description}}),
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}};
}

std::optional<std::string> Decoded64(std::string_view text) {
  static constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') break;
    const size_t value = kAlphabet.find(c);
    if (value == std::string_view::npos) return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    if ((count += 6) < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return out;
}

struct Form {
  std::string grant_type, client_id, client_secret, scope, subject_token;
};

// Client credentials come in the form or, RFC 6749 §2.3.1, by HTTP basic authentication.
Form ReadForm(const io::ServedRequest& request) {
  Form form;
  for (const auto& [name, value] : io::ParseForm(request.body)) {
    if (name == "grant_type") form.grant_type = value;
    if (name == "client_id") form.client_id = value;
    if (name == "client_secret") form.client_secret = value;
    if (name == "scope") form.scope = value;
    if (name == "subject_token") form.subject_token = value;
  }
  const std::string_view header = request.headers.Get("Authorization").value_or("");
  if (!header.starts_with("Basic ")) return form;
  const std::string pair = Decoded64(header.substr(6)).value_or("");
  const size_t colon = pair.find(':');
  if (colon == std::string::npos) return form;
  form.client_id = io::PercentDecode(pair.substr(0, colon), io::Decoding::kForm).value_or("");
  form.client_secret = io::PercentDecode(pair.substr(colon + 1), io::Decoding::kForm).value_or("");
  return form;
}

}  // namespace

Result<AccessOptions> ParseAccessFile(std::string_view json) {
  const auto file = ParseObject(json);
  if (!file.ok()) return MakeError(Fault::kConfig, "the access file must hold a JSON object");
  AccessOptions options;
  const auto read = [&]() -> Status {
    ARROW_ASSIGN_OR_RAISE(options.tokens, ParseEntries(*file, "tokens", "name", "token"));
    ARROW_ASSIGN_OR_RAISE(options.clients, ParseEntries(*file, "clients", "id", "secret"));
    return Status::OK();
  }();
  if (!read.ok()) return MakeError(Fault::kConfig, "access file: " + read.message());
  return options;
}

Access::Access(AccessOptions options, const Clock& clock) : options_(std::move(options)), clock_(clock) {
  MutexLock lock(mutex_);
  for (const ClientCredential& token : options_.tokens) {
    grants_[DigestOf(token.secret)] = {.caller = "token " + token.id, .scopes = token.scopes, .expires = std::nullopt};
  }
}

// Looked up by digest: how long that takes tells nothing about the token.
std::optional<Access::Grant> Access::Find(std::string_view token) {
  const Sha256Digest digest = DigestOf(token);
  MutexLock lock(mutex_);
  const auto found = grants_.find(digest);
  if (found == grants_.end()) return std::nullopt;
  if (found->second.expires && *found->second.expires <= clock_.Now()) {
    grants_.erase(found);
    return std::nullopt;
  }
  return found->second;
}

std::optional<Access::Grant> Access::Bearer(const io::ServedRequest& request) {
  const std::string_view header = request.headers.Get("Authorization").value_or("");
  const std::string_view kPrefix = "Bearer ";
  if (header.size() <= kPrefix.size() || !io::EqualsIgnoringCase(header.substr(0, kPrefix.size()), kPrefix)) {
    return std::nullopt;
  }
  return Find(header.substr(kPrefix.size()));
}

Status Access::Check(const io::ServedRequest& request, Scope needed) {
  if (!required()) return Status::OK();
  if (!request.headers.Has("Authorization")) {
    return RestError(401, "NotAuthorizedException", "Not authorized: a bearer token is needed");
  }
  const auto grant = Bearer(request);
  if (!grant) return RestError(401, "NotAuthorizedException", "Not authorized: the token is unknown or has expired");
  if (!grant->scopes.contains(needed)) {
    return RestError(403, "ForbiddenException", "Forbidden: the token's scope does not allow this");
  }
  return Status::OK();
}

std::string Access::Caller(const io::ServedRequest& request) {
  const auto grant = required() ? Bearer(request) : std::nullopt;
  return grant ? grant->caller : "";
}

io::ServedResponse Access::Token(const io::ServedRequest& request) {
  const Form form = ReadForm(request);
  if (form.grant_type == "client_credentials") {
    for (const ClientCredential& client : options_.clients) {
      if (client.id == form.client_id && DigestOf(client.secret) == DigestOf(form.client_secret)) {
        return Issue("client " + client.id, client.scopes, form.scope);
      }
    }
    return OAuthError(401, "invalid_client", "Credentials given were invalid");
  }
  if (form.grant_type == "urn:ietf:params:oauth:grant-type:token-exchange") {
    const auto grant = Find(form.subject_token);
    if (!grant || !grant->expires)
      return OAuthError(400, "invalid_grant", "The subject token is unknown or has expired");
    return Issue(grant->caller, grant->scopes, form.scope);
  }
  return OAuthError(400, "unsupported_grant_type", "client_credentials and token exchange are supported");
}

io::ServedResponse Access::Issue(const std::string& caller, const std::set<Scope>& allowed, std::string_view asked) {
  std::set<Scope> scopes = allowed;
  if (asked == "catalog:read") scopes = {Scope::kRead};
  const std::string token = HexOf(MakeUuid4().bytes.data(), 16) + HexOf(MakeUuid4().bytes.data(), 16);
  const Timestamp now = clock_.Now();
  {
    MutexLock lock(mutex_);
    std::erase_if(grants_, [&](const auto& entry) { return entry.second.expires && *entry.second.expires <= now; });
    if (grants_.size() >= kGrantsMax) return OAuthError(503, "temporarily_unavailable", "Too many tokens");
    grants_[DigestOf(token)] = {.caller = caller,
                                .scopes = scopes,
                                .expires = Timestamp{now.micros + options_.token_lifetime.count() * 1'000'000}};
  }
  return {.status = 200,
          .body = Dump({{"access_token", token},
                        {"token_type", "bearer"},
                        {"expires_in", options_.token_lifetime.count()},
                        {"issued_token_type", "urn:ietf:params:oauth:token-type:access_token"},
                        {"scope", ScopeText(scopes)}}),
          .headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}}};
}

}  // namespace firn::server
