#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "io/http_client.h"
#include "source/airbyte/api_response.h"
#include "source/airbyte/request_parts.h"

namespace firn::source::airbyte {

/// Joins a base URL and a path as the reference does (Python's urljoin after a slash): a path that is a URL replaces
/// all, one that begins with '/' the base's path. An empty path leaves the base as it is.
std::string JoinUrl(std::string base, const std::string& path);

/// Builds the request as Python's `requests` would: parameters appended (those with equal values in the URL left out),
/// lists as repeated keys, nulls dropped; a JSON body or a form. Errors: kConfig for a body with both.
Result<io::HttpRequest> MakeHttpRequest(const std::string& method, const std::string& url, const RequestParts& parts);

/// A header's value as the reference sends it: Latin-1 where its characters are in it, else UTF-8.
std::string HeaderText(const Value& value);

/// Text of JSON with Python's spacing.
std::string FormBody(const Entries& entries);

/// Remembers answers to GET of a run, so that a parent read for several children is fetched once. Keeps the newest
/// kBytesMax of bodies. Thread-safe.
class ResponseCache {
 public:
  static constexpr int64_t kBytesMax = int64_t{128} << 20;
  static std::string KeyOf(const io::HttpRequest& request);
  /// Returns a copy that shares the body; nullptr if it is not known.
  std::shared_ptr<ApiResponse> Find(const std::string& key);
  void Keep(const std::string& key, const io::HttpResponse& response);

 private:
  std::mutex mutex_;
  std::map<std::string, std::pair<int64_t, io::HttpResponse>> answers_;  // by key: when it came, what it was
  std::map<int64_t, std::string> by_age_;
  int64_t next_ = 0;
  int64_t bytes_ = 0;
};

}  // namespace firn::source::airbyte
