#include "io/http_client.h"

#include <arrow/buffer.h>

#include <cstdio>

#include "io/curl_error.h"
#include "io/url.h"

namespace firn::io {
namespace {

// Shows what kind of text a body is without showing data: digits→9, letters→x.
std::string ShapeOf(std::string_view text) {
  constexpr size_t kShapeBytes = 60;
  std::string shape;
  for (const char c : text.substr(0, kShapeBytes)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c >= '0' && c <= '9') {
      shape += '9';
    } else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || byte >= 0x80) {
      shape += 'x';
    } else {
      shape += byte < 0x20 ? ' ' : c;
    }
  }
  return shape;
}

Fault FaultFromHttpStatus(const HttpResponse& response) {
  const int status = response.status;
  if (status == 401 || status == 403 || status == 407) return Fault::kAuth;
  if (status == 429 || (status == 503 && response.headers.Has("retry-after"))) return Fault::kThrottled;
  if (status == 408 || status == 425 || status >= 500) return Fault::kTransient;
  if (status == 409 || status == 412) return Fault::kConflict;
  return Fault::kConfig;
}

const char* NextStep(Fault fault) {
  switch (fault) {
    case Fault::kAuth:
      return "check the credentials and what they may read";
    case Fault::kThrottled:
      return "lower the request rate, or run again later";
    case Fault::kTransient:
      return "run again; what was committed stays";
    default:
      return "check the path and the parameters of the request";
  }
}

}  // namespace

std::string_view HttpResponse::text() const {
  return {reinterpret_cast<const char*>(body->data()), static_cast<size_t>(body->size())};
}

Status CheckFiles(const HttpClientOptions& options) {
  for (const std::string* path : {&options.ca_file, &options.client_cert_file, &options.client_key_file}) {
    if (path->empty()) continue;
    std::FILE* file = std::fopen(path->c_str(), "re");
    if (file == nullptr) {
      const std::string next = path == &options.ca_file ? "check FIRN_CA_FILE" : "check client_cert and client_key";
      return MakeError(Fault::kConfig, "a file of TLS cannot be opened: " + *path, {.next = next});
    }
    std::fclose(file);
  }
  return Status::OK();
}

Result<HttpResponse> HttpClient::Send(HttpRequest request, std::stop_token stop) {
  if (stop.stop_requested()) return MakeError(Fault::kCancelled, "stopped before a request");
  return SendAsync(std::move(request))->Wait(std::move(stop));
}

bool WasNotSent(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context != nullptr && context->state == kNotSentState;
}

Status HttpStatusError(const HttpResponse& response) {
  if ((response.status >= 200 && response.status < 300) || response.status == 304) return Status::OK();
  const Fault fault = FaultFromHttpStatus(response);
  const std::string shape = ShapeOf(response.text());
  return MakeError(fault, "HTTP status " + std::to_string(response.status) + ": " + RedactUrl(response.effective_url),
                   {.code = "E0461",
                    .why = "HTTP " + std::to_string(response.status) + (shape.empty() ? "" : ", body like " + shape),
                    .next = NextStep(fault)});
}

}  // namespace firn::io
