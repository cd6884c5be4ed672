#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "io/http_client.h"
#include "source/airbyte/values.h"

namespace firn::source::airbyte {

inline bool IsBlank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// An answer of the API, or a value that stands for one (a child's records found in the parent's). Immutable but for
/// what is decoded once. Used by one thread at a time.
class ApiResponse {
 public:
  explicit ApiResponse(io::HttpResponse response) : response_(std::move(response)), status_(response_.status) {}
  /// A response that holds `value` as its JSON body.
  explicit ApiResponse(Value value) : json_(std::move(value)), status_(200) {}

  int status() const { return status_; }
  bool ok() const { return status_ < 400; }
  std::string_view text() const { return response_.body == nullptr ? std::string_view() : response_.text(); }
  const io::HttpHeaders& headers() const { return response_.headers; }
  /// The body as JSON; undefined if it is none. Decoded once.
  const Value& Json() const;
  bool is_json() const { return !Json().is_undefined(); }
  /// Nothing but white space.
  bool is_blank() const { return IsBlank(text()); }
  /// Headers as a map; names as the reference shows them (each word capitalised by the server, found without case).
  Value HeaderMap() const;
  /// Entries of the Link header by relation: {next: {url: …, rel: next}}.
  Value Links() const;

 private:
  io::HttpResponse response_;
  mutable std::optional<Value> json_;
  int status_ = 0;
};

/// What went wrong, as the reference reads it out of a JSON body ("message", "error", "errors", "detail" …); nullopt if
/// nothing is found. A body that is no JSON is the message itself.
std::optional<std::string> ErrorMessageOf(const ApiResponse& response);

}  // namespace firn::source::airbyte
