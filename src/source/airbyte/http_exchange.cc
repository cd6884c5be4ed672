#include "source/airbyte/http_exchange.h"

#include <set>

#include "expression/jinja/unicode.h"
#include "io/url.h"

namespace firn::source::airbyte {
namespace {

// Characters that may stand in a URL as they are; all others are percent-encoded.
constexpr std::string_view kUrlSafe = "!#$%&'()*+,/:;=?@[]~-._";

bool IsAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string Encoded(std::string_view text, std::string_view safe, bool plus_for_space) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (IsAlphanumeric(c) || safe.find(c) != std::string_view::npos) {
      out += c;
    } else if (c == ' ' && plus_for_space) {
      out += '+';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string QueryText(std::string_view text) {
  return Encoded(text, "_.-~", true);
}

std::string Decoded(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size()) {
      out += static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// The first value of each parameter of a URL's query.
std::map<std::string, std::string> QueryOf(const std::string& url) {
  std::map<std::string, std::string> out;
  const size_t mark = url.find('?');
  if (mark == std::string::npos) return out;
  std::string_view rest = std::string_view(url).substr(mark + 1);
  rest = rest.substr(0, rest.find('#'));
  while (!rest.empty()) {
    const size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos || equals + 1 == pair.size()) continue;
    out.emplace(Decoded(pair.substr(0, equals)), Decoded(pair.substr(equals + 1)));
  }
  return out;
}

void AppendPairs(const std::string& key, const Value& value, std::string* out) {
  if (value.is_null() || value.is_undefined()) return;
  if (value.is_list() || value.kind() == Value::Kind::kTuple) {
    for (const Value& item : value.as_list()) AppendPairs(key, item, out);
    return;
  }
  if (!out->empty()) *out += '&';
  *out += QueryText(key) + "=" + QueryText(jinja::ToText(value));
}

size_t EndOfOrigin(const std::string& url) {
  const size_t scheme = url.find("://");
  if (scheme == std::string::npos) return 0;
  const size_t end = url.find_first_of("/?#", scheme + 3);
  return end == std::string::npos ? url.size() : end;
}

// Takes "." and ".." out of a path (RFC 3986 §5.2.4).
std::string WithoutDots(const std::string& path) {
  if (path.find("/.") == std::string::npos) return path;
  std::vector<std::string> kept;
  size_t at = 1;
  while (at <= path.size()) {
    const size_t slash = std::min(path.find('/', at), path.size());
    const std::string segment = path.substr(at, slash - at);
    const bool last = slash == path.size();
    if (segment == "..") {
      if (!kept.empty()) kept.pop_back();
      if (last) kept.emplace_back();
    } else if (segment == ".") {
      if (last) kept.emplace_back();
    } else {
      kept.push_back(segment);
    }
    at = slash + 1;
  }
  std::string out;
  for (const std::string& segment : kept) out += "/" + segment;
  return out;
}

}  // namespace

std::string JoinUrl(std::string base, const std::string& path) {
  if (path.empty()) return base;
  if (!base.ends_with('/')) base += '/';
  if (path.starts_with("http://") || path.starts_with("https://")) return path;
  if (path.starts_with("//")) return base.substr(0, base.find(':') + 1) + path;
  const size_t origin = EndOfOrigin(base);
  if (path.starts_with('?')) return base.substr(0, base.find_first_of("?#")) + path;
  const size_t tail = std::min(path.find_first_of("?#"), path.size());
  std::string joined = path.substr(0, tail);
  if (!path.starts_with('/')) {
    const std::string before = base.substr(origin, base.find_first_of("?#", origin) - origin);
    joined = before.substr(0, before.rfind('/') + 1) + joined;
  }
  return base.substr(0, origin) + WithoutDots(joined) + path.substr(tail);
}

std::string FormBody(const Entries& entries) {
  std::string out;
  for (const auto& [key, value] : entries) AppendPairs(jinja::ToText(key), value, &out);
  return out;
}

std::string HeaderText(const Value& value) {
  std::string text = jinja::ToText(value);
  if (jinja::IsAscii(text)) return text;
  std::string latin;
  for (const char32_t code : jinja::Decode(text)) {
    if (code > 0xFF) return text;
    latin += static_cast<char>(code);
  }
  return latin;
}

Result<io::HttpRequest> MakeHttpRequest(const std::string& method, const std::string& url, const RequestParts& parts) {
  io::HttpRequest request;
  request.method = method;
  request.private_redirects = false;
  const auto known = QueryOf(url);
  std::string query;
  for (const auto& [key, value] : parts.params) {
    const std::string name = jinja::ToText(key);
    const auto old = known.find(name);
    if (old != known.end() && old->second == jinja::ToText(value)) continue;
    if (value.is_map()) return MakeError(Fault::kConfig, "the request parameter " + name + " is an object");
    AppendPairs(name, value, &query);
  }
  const size_t hash = std::min(url.find('#'), url.size());
  request.url = Encoded(url.substr(0, hash), kUrlSafe, false);
  if (EndOfOrigin(request.url) == request.url.size()) request.url += "/";
  if (!query.empty()) request.url += (request.url.find('?') == std::string::npos ? "?" : "&") + query;
  request.headers.Set("Accept", "*/*");
  if (!parts.body_json.empty() && (!parts.body_data.empty() || parts.body_text)) {
    return MakeError(Fault::kConfig, "a request has both a JSON body and a form");
  }
  if (!parts.body_json.empty()) {
    request.body = jinja::ToJson(Value::OfMap(parts.body_json));
    request.headers.Set("Content-Type", "application/json");
  } else if (parts.body_text) {
    request.body = *parts.body_text;
  } else if (!parts.body_data.empty()) {
    request.body = FormBody(parts.body_data);
    request.headers.Set("Content-Type", "application/x-www-form-urlencoded");
  }
  for (const auto& [key, value] : parts.headers) request.headers.Set(jinja::ToText(key), HeaderText(value));
  // An extraction is read-only by nature: every request may be repeated, as the reference does.
  request.repeatable = true;
  return request;
}

std::string ResponseCache::KeyOf(const io::HttpRequest& request) {
  std::string key = request.method + " " + request.url + "\n" + request.body;
  for (const auto& field : request.headers) key += "\n" + field.name + ":" + field.value;
  return key;
}

std::shared_ptr<ApiResponse> ResponseCache::Find(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = answers_.find(key);
  return found == answers_.end() ? nullptr : std::make_shared<ApiResponse>(found->second.second);
}

void ResponseCache::Keep(const std::string& key, const io::HttpResponse& response) {
  const std::lock_guard lock(mutex_);
  const auto size = [](const io::HttpResponse& kept) { return static_cast<int64_t>(kept.text().size()); };
  if (size(response) > kBytesMax / 4 || answers_.contains(key)) return;
  answers_.emplace(key, std::make_pair(next_, response));
  by_age_.emplace(next_++, key);
  bytes_ += size(response);
  while (bytes_ > kBytesMax) {
    const auto oldest = by_age_.begin();
    const auto entry = answers_.find(oldest->second);
    bytes_ -= size(entry->second.second);
    answers_.erase(entry);
    by_age_.erase(oldest);
  }
}

}  // namespace firn::source::airbyte
