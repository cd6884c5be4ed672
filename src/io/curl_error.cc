#include "io/curl_error.h"

#include <curl/curl.h>

#include "io/url.h"

namespace firn::io {
namespace {

struct CodeRule {
  CURLcode code;
  Fault fault;
  const char* name;  // what a person reads; libcurl's own words follow
  const char* next;
};

// Codes that are not here are kTransient: whatever else happens on a wire may go away.
constexpr CodeRule kCodeRules[] = {
    {CURLE_UNSUPPORTED_PROTOCOL, Fault::kTransient, "answer is not HTTP", ""},
    {CURLE_URL_MALFORMAT, Fault::kConfig, "malformed URL", "correct the URL"},
    {CURLE_COULDNT_RESOLVE_PROXY, Fault::kTransient, "proxy name not found", "check the proxy setting"},
    {CURLE_COULDNT_RESOLVE_HOST, Fault::kTransient, "host name not found", "check the host name and DNS"},
    {CURLE_COULDNT_CONNECT, Fault::kTransient, "no connection", ""},
    {CURLE_WEIRD_SERVER_REPLY, Fault::kTransient, "answer is not HTTP", ""},
    {CURLE_HTTP2, Fault::kTransient, "HTTP/2 framing error", ""},
    {CURLE_HTTP2_STREAM, Fault::kTransient, "HTTP/2 stream error", ""},
    {CURLE_PARTIAL_FILE, Fault::kTransient, "body cut short", ""},
    {CURLE_OUT_OF_MEMORY, Fault::kBadData, "response header too large", ""},
    {CURLE_OPERATION_TIMEDOUT, Fault::kTransient, "timed out", ""},
    {CURLE_SSL_CONNECT_ERROR, Fault::kTransient, "TLS handshake failed", ""},
    {CURLE_GOT_NOTHING, Fault::kTransient, "empty answer", ""},
    {CURLE_SEND_ERROR, Fault::kTransient, "connection lost while sending", ""},
    {CURLE_RECV_ERROR, Fault::kTransient, "connection lost while receiving", ""},
    {CURLE_SSL_CERTPROBLEM, Fault::kConfig, "client certificate unusable", "check the certificate"},
    {CURLE_SSL_CIPHER, Fault::kConfig, "no common TLS cipher", ""},
    {CURLE_PEER_FAILED_VERIFICATION, Fault::kConfig, "server certificate not trusted",
     "check the host name, or give the authority's certificate with FIRN_CA_FILE"},
    {CURLE_BAD_CONTENT_ENCODING, Fault::kTransient, "corrupt content encoding", ""},
    {CURLE_SSL_CACERT_BADFILE, Fault::kConfig, "CA file unreadable", "check the CA file"},
    {CURLE_SSL_ISSUER_ERROR, Fault::kConfig, "server certificate not trusted", ""},
    {CURLE_SSL_INVALIDCERTSTATUS, Fault::kConfig, "server certificate revoked", ""},
    {CURLE_BAD_FUNCTION_ARGUMENT, Fault::kBug, "libcurl refused an argument", ""},
    {CURLE_UNKNOWN_OPTION, Fault::kBug, "libcurl refused an option", ""},
    {CURLE_FAILED_INIT, Fault::kBug, "libcurl did not start", ""},
    {CURLE_ABORTED_BY_CALLBACK, Fault::kCancelled, "stopped", ""},
};

const CodeRule* RuleOf(int code) {
  for (const CodeRule& rule : kCodeRules) {
    if (rule.code == code) return &rule;
  }
  return nullptr;
}

bool NeverConnected(int code) {
  return code == CURLE_COULDNT_RESOLVE_PROXY || code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
         code == CURLE_SSL_CONNECT_ERROR || code == CURLE_PEER_FAILED_VERIFICATION;
}

}  // namespace

Fault FaultFromCurl(int curl_code) {
  const CodeRule* rule = RuleOf(curl_code);
  return rule == nullptr ? Fault::kTransient : rule->fault;
}

Status CurlError(int curl_code, const std::string& detail, const std::string& url) {
  const CodeRule* rule = RuleOf(curl_code);
  const std::string reason = detail.empty() ? curl_easy_strerror(static_cast<CURLcode>(curl_code)) : detail;
  const std::string name = rule == nullptr ? "transfer failed" : rule->name;
  ErrorContext context{.code = "E0460", .why = "libcurl " + std::to_string(curl_code) + ": " + reason};
  if (rule != nullptr) context.next = rule->next;
  if (NeverConnected(curl_code)) context.state = kNotSentState;
  return MakeError(FaultFromCurl(curl_code), name + ": " + RedactUrl(url) + " (" + reason + ")", std::move(context));
}

}  // namespace firn::io
