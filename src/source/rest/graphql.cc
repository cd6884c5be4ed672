#include "source/rest/graphql.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "expression/value.h"
#include "source/rest/errors.h"

namespace firn::source::rest {
namespace {

using expression::AtPath;
using expression::Value;

constexpr size_t kMessageBytesMax = 200;
constexpr double kDelaySecondsMax = 3600;

// The errors of an answer; empty without any. A body that does not name them is not parsed a second time.
expression::List ErrorsOf(std::string_view body, Value* answer) {
  if (body.find("\"errors\"") == std::string_view::npos) return {};
  auto parsed = expression::ParseJson(body);
  if (!parsed.ok()) return {};  // told by whoever reads the records
  *answer = *std::move(parsed);
  const Value* errors = answer->Find("errors");
  return errors != nullptr && errors->kind() == Value::Kind::kList ? errors->as_list() : expression::List();
}

bool IsThrottle(const Value& error) {
  for (const char* place : {"extensions.code", "type"}) {
    const std::string code = expression::ToText(AtPath(error, place));
    if (code == "THROTTLED" || code == "RATE_LIMITED" || code == "RATELIMITED") return true;
  }
  return false;
}

double NumberAt(const Value& answer, std::string_view path) {
  return std::strtod(expression::ToText(AtPath(answer, path)).c_str(), nullptr);
}

// Shopify: "GraphQL Admin API rate limits", points that are missing by points restored per second.
std::optional<io::milliseconds> RestoreDelay(const Value& answer) {
  const double rate = NumberAt(answer, "extensions.cost.throttleStatus.restoreRate");
  const double missing = NumberAt(answer, "extensions.cost.requestedQueryCost") -
                         NumberAt(answer, "extensions.cost.throttleStatus.currentlyAvailable");
  if (!(rate > 0) || !(missing > 0)) return std::nullopt;
  return io::milliseconds(static_cast<int64_t>(std::ceil(1000 * std::min(missing / rate, kDelaySecondsMax))));
}

}  // namespace

std::optional<io::HttpVerdict> JudgeGraphQlThrottle(const io::HttpResponse& response) {
  if (response.status != 200 && response.status != 400) return std::nullopt;  // Linear refuses with 400
  Value answer;
  const expression::List errors = ErrorsOf(response.text(), &answer);
  if (!std::ranges::any_of(errors, IsThrottle)) return std::nullopt;
  return io::HttpVerdict{.action = io::HttpVerdict::Action::kThrottled,
                         .delay = RestoreDelay(answer),
                         .reason = "GraphQL says it is throttled"};
}

Status RefuseGraphQlErrors(std::string_view body, const std::string& where) {
  Value answer;
  const expression::List errors = ErrorsOf(body, &answer);
  if (errors.empty()) return Status::OK();
  std::string why = expression::ToText(AtPath(errors.front(), "message")).substr(0, kMessageBytesMax);
  if (errors.size() > 1) why += " (and " + std::to_string(errors.size() - 1) + " more)";
  return NamedError({.fault = Fault::kConfig,
                     .code = "E0553",
                     .message = "the GraphQL answer has errors",
                     .where = where,
                     .why = std::move(why),
                     .next = "correct the query, or take what came beside them: graphql: {errors: ignore}"});
}

}  // namespace firn::source::rest
