#include "io/aws_signature.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <vector>

#include "base/ascii.h"
#include "base/hash.h"
#include "io/url.h"

namespace firn::io {
namespace {

std::string_view AsText(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

// "20150830T123600Z"
std::string AmzDate(Timestamp now) {
  const std::time_t seconds = now.micros / 1'000'000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc);
  return text;
}

std::string PathOf(const std::string& url) {
  const size_t host = url.find("://") + 3;
  const size_t begin = url.find('/', host);
  if (begin == std::string::npos) return "/";
  const size_t end = url.find('?', begin);
  return url.substr(begin, end == std::string::npos ? end : end - begin);
}

// Every service but S3 wants the path, which is percent-encoded already, encoded once more.
std::string EncodedTwice(const std::string& path) {
  std::string encoded;
  for (const char c : path) encoded += c == '/' ? std::string("/") : UrlEncode(std::string_view(&c, 1));
  return encoded;
}

// Parameters as they stand in the URL, encoded already, sorted.
std::string CanonicalQuery(const std::string& url) {
  const size_t mark = url.find('?');
  if (mark == std::string::npos) return "";
  std::vector<std::string> parameters;
  for (size_t begin = mark + 1; begin <= url.size();) {
    const size_t end = std::min(url.find('&', begin), url.size());
    std::string parameter = url.substr(begin, end - begin);
    if (parameter.find('=') == std::string::npos) parameter += '=';
    if (parameter.size() > 1) parameters.push_back(std::move(parameter));
    begin = end + 1;
  }
  std::sort(parameters.begin(), parameters.end());
  std::string query;
  for (const std::string& parameter : parameters) query += (query.empty() ? "" : "&") + parameter;
  return query;
}

}  // namespace

std::string CanonicalRequest(const HttpRequest& request, const std::string& host, const SigV4Scope& scope,
                             std::string* signed_headers) {
  std::map<std::string, std::string> fields = {{"host", host}};
  for (const auto& [name, value] : request.headers) {
    const std::string lower = AsciiLower(name);
    if (lower == "content-type" || lower == "if-none-match" || lower.starts_with("x-amz-")) fields[lower] = value;
  }
  std::string headers;
  signed_headers->clear();
  for (const auto& [name, value] : fields) {
    headers += name + ":" + value + "\n";
    *signed_headers += (signed_headers->empty() ? "" : ";") + name;
  }
  const std::string path = scope.service == "s3" ? PathOf(request.url) : EncodedTwice(PathOf(request.url));
  return request.method + "\n" + path + "\n" + CanonicalQuery(request.url) + "\n" + headers + "\n" + *signed_headers +
         "\n" + Sha256Hex(request.body);
}

Status SignRequest(HttpRequest& request, const AwsKeys& keys, const SigV4Scope& scope, Timestamp now) {
  ARROW_ASSIGN_OR_RAISE(const UrlParts url, ParseUrl(request.url));
  const bool usual = url.port == (url.scheme == "https" ? 443 : 80);
  const std::string host = usual ? url.host : url.host + ":" + std::to_string(url.port);
  const std::string time = AmzDate(now);
  const std::string date = time.substr(0, 8);
  request.headers.Set("x-amz-date", time);
  if (!keys.session_token.empty()) request.headers.Set("x-amz-security-token", keys.session_token);
  if (scope.service == "s3") request.headers.Set("x-amz-content-sha256", Sha256Hex(request.body));
  std::string signed_headers;
  const std::string canonical = CanonicalRequest(request, host, scope, &signed_headers);
  const std::string scope_text = date + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign = "AWS4-HMAC-SHA256\n" + time + "\n" + scope_text + "\n" + Sha256Hex(canonical);
  Sha256Digest key = HmacSha256("AWS4" + keys.secret_access_key, date);
  for (const std::string& part : {scope.region, scope.service, std::string("aws4_request")}) {
    key = HmacSha256(AsText(key), part);
  }
  request.headers.Set("Authorization", "AWS4-HMAC-SHA256 Credential=" + keys.access_key_id + "/" + scope_text +
                                           ", SignedHeaders=" + signed_headers +
                                           ", Signature=" + HmacSha256Hex(AsText(key), to_sign));
  return Status::OK();
}

}  // namespace firn::io
