#pragma once

#include <memory>
#include <optional>
#include <string>

#include "source/airbyte/api_response.h"
#include "source/airbyte/authenticator.h"
#include "source/airbyte/error_rules.h"
#include "source/airbyte/request_parts.h"
#include "source/airbyte/run_context.h"
#include "source/airbyte/slice.h"

namespace firn::source::airbyte {

/// What one request is made for. Borrowed for the call.
struct RequestFor {
  const Slice* slice = nullptr;                      // null: none (a login)
  Value page_token = Value::Null();                  // {next_page_token: …}, or null
  std::optional<std::string> path;                   // in place of the requester's own
  RequestParts parts;                                // from the paginator, the router and the cursor
  std::vector<std::pair<std::string, Value>> names;  // more names for the requester's expressions
};

/// What came of it.
struct SendResult {
  std::shared_ptr<ApiResponse> response;  // may be one that an error rule ignores (not ok())
  bool reset_pagination = false;
};

/// Sends requests of one HttpRequester: builds them, adds credentials, repeats them as the error rules say. Used by one
/// thread.
class Requester {
 public:
  /// `name`: of the stream, for messages. `use_cache`: answers to GET are remembered for the run.
  static Result<std::unique_ptr<Requester>> Make(const Component& component, const RunContext& run,
                                                 const std::string& name, bool use_cache);

  /// Errors: kConfig, kAuth, kTransient (attempts used up), kBug (a status that means a failure), kCancelled.
  Result<SendResult> Send(const RequestFor& request);

  /// A key of `request_parameters` whose value is a QueryProperties component: filled from the slice's extra fields.
  void SetQueryPropertiesKey(std::string key) { query_properties_key_ = std::move(key); }

 private:
  explicit Requester(const RunContext& run) : run_(run) {}
  Status MakeOptions(const Component& component, const Value& parameters);
  Result<std::string> Url(const RequestFor& request, Scope& scope) const;
  Result<RequestParts> Parts(const RequestFor& request, Scope& scope) const;
  Result<io::HttpRequest> Build(const RequestFor& request) const;
  Result<SendResult> SendWithRetries(const io::HttpRequest& request);
  Result<SendResult> Conclude(const Verdict& verdict, const io::HttpRequest& request,
                              std::shared_ptr<ApiResponse> response) const;

  const RunContext& run_;
  std::string name_, method_ = "GET";
  Interpolated url_, url_base_, path_;
  InterpolatedTree parameters_, headers_, body_data_, body_json_;
  std::unique_ptr<Authenticator> authenticator_;
  std::unique_ptr<ErrorRules> errors_;
  std::string query_properties_key_;
  bool use_cache_ = false;
};

}  // namespace firn::source::airbyte
