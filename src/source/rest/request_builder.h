#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "connector/plan.h"
#include "expression/expression.h"
#include "io/http_client.h"

namespace firn::source::rest {

/// What a paginator wants changed in the slice's request. An empty one asks for the first page as it is.
struct PageRequest {
  std::vector<std::pair<std::string, std::string>> query;       // parameters to set, values not yet encoded
  std::vector<std::pair<std::string, expression::Value>> body;  // dotted path in the JSON body → value
  std::string url;                                              // not empty: this absolute or relative URL instead
};

/// What the requests of one slice are made of.
struct SliceScope {
  const Clock* clock = nullptr;
  std::optional<expression::Value> parent;     // the parent row
  std::optional<expression::Value> partition;  // {name: value}
  std::optional<expression::Value> job;        // {id, result}
  std::optional<std::string> lower, upper;     // bounds, written in the cursor's format; nullopt: none
};

/// What the templates of requests see of a slice: parent, partition, job, incremental.
expression::Scope ScopeOf(const SliceScope& slice);

/// Makes the requests of a table. Immutable.
class RequestBuilder {
 public:
  RequestBuilder(const connector::RestPlan& plan, const connector::TablePlan& table) : plan_(plan), table_(table) {}

  /// Values are percent-encoded by their place: one path segment, a query value; a null query value leaves the
  /// parameter out, a list repeats it. A parameter of the table replaces the source's; the paginator's replaces both.
  /// `current_url`: what a relative next URL is relative to; empty on the first page.
  /// Errors: E0440 when a template has no value, E0434 when the URL would leave the origin of base_url.
  Result<io::HttpRequest> Build(const SliceScope& slice, const PageRequest& page, const std::string& current_url) const;

 private:
  Result<std::string> Url(const expression::Scope& scope, const SliceScope& slice) const;
  Result<std::string> Join(const std::string& path) const;
  Result<std::string> Body(const expression::Scope& scope, const PageRequest& page) const;
  Status Located(const Status& status, const std::string& part) const;
  void SetLimits(io::HttpRequest* request) const;

  const connector::RestPlan& plan_;    // outlives the builder
  const connector::TablePlan& table_;  // outlives the builder
};

/// Returns `url` moved to the origin of `base_url` if only scheme and default port differ (an API behind a proxy that
/// writes http:// links). Errors: E0434 (kBadData) if it lies on another host.
Result<std::string> OnSameOrigin(const std::string& base_url, const std::string& url, const std::string& where);

}  // namespace firn::source::rest
