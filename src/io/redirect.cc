#include "io/redirect.h"

#include <algorithm>

#include "io/url.h"

namespace firn::io {
namespace {

bool StaysWithServer(const UrlParts& from, const UrlParts& to) {
  if (from.SameOrigin(to)) return true;
  return from.host == to.host && from.scheme == "http" && to.scheme == "https" && from.port == 80 && to.port == 443;
}

// An API key may sit in a header of any name, so the list says what may travel, not what may not.
bool CarriesNoCredentials(std::string_view name) {
  for (const char* safe : {"accept", "accept-encoding", "accept-language", "content-type", "user-agent", "range",
                           "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "cache-control"}) {
    if (EqualsIgnoringCase(name, safe)) return true;
  }
  return false;
}

void KeepSafeHeaders(HttpHeaders* headers) {
  HttpHeaders kept;
  for (const auto& field : *headers) {
    if (CarriesNoCredentials(field.name)) kept.Add(field.name, field.value);
  }
  *headers = std::move(kept);
}

std::string WithoutUserAndFragment(const UrlParts& parts) {
  const bool usual = parts.port == (parts.scheme == "https" ? 443 : 80);
  return parts.scheme + "://" + parts.host + (usual ? "" : ":" + std::to_string(parts.port)) + parts.path_and_query;
}

}  // namespace

bool IsRedirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

Status EndlessRedirects(std::string message) {
  return MakeError(Fault::kConfig, std::move(message),
                   {.code = "E0925",
                    .why = "the server sends from one URL to the next and never answers: a login that is missing, or a "
                           "URL of another form (https, a slash at its end)",
                    .state = "",
                    .next = "open the URL in a browser, and give the one where it ends"});
}

Result<HttpRequest> RedirectedRequest(const HttpRequest& request, const HttpResponse& response) {
  const auto location = response.headers.Get("location");
  if (!location) return MakeError(Fault::kConfig, "redirect without a Location: " + RedactUrl(request.url));
  const auto target = ResolveUrl(request.url, *location);
  if (!target.ok()) return Within("redirect from " + RedactUrl(request.url), target.status());
  ARROW_ASSIGN_OR_RAISE(const UrlParts from, ParseUrl(request.url));
  ARROW_ASSIGN_OR_RAISE(const UrlParts to, ParseUrl(*target));
  if (from.scheme == "https" && to.scheme == "http") {
    return MakeError(Fault::kConfig, "redirect from https to http refused: " + RedactUrl(*target),
                     {.next = "give the final URL if it can be trusted"});
  }
  HttpRequest next = request;
  next.url = WithoutUserAndFragment(to);
  const bool becomes_get = (response.status == 303 && request.method != "HEAD") ||
                           ((response.status == 301 || response.status == 302) && request.method == "POST");
  if (becomes_get) {
    next.method = "GET";
    next.body.clear();
    next.headers.Remove("content-type");
    next.headers.Remove("content-length");
  }
  if (!StaysWithServer(from, to)) KeepSafeHeaders(&next.headers);
  return next;
}

}  // namespace firn::io
