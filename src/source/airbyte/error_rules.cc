#include "source/airbyte/error_rules.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <regex>

namespace firn::source::airbyte {
namespace {

struct NamedAction {
  const char* name;
  ErrorAction action;
};
constexpr NamedAction kActions[] = {{"SUCCESS", ErrorAction::kSuccess},
                                    {"FAIL", ErrorAction::kFail},
                                    {"RETRY", ErrorAction::kRetry},
                                    {"IGNORE", ErrorAction::kIgnore},
                                    {"RATE_LIMITED", ErrorAction::kRateLimited},
                                    {"RESET_PAGINATION", ErrorAction::kResetPagination},
                                    {"REFRESH_TOKEN_THEN_RETRY", ErrorAction::kRefreshTokenThenRetry}};

Fault FaultOfType(const std::string& failure_type) {
  if (failure_type == "config_error") return Fault::kConfig;
  return failure_type == "transient_error" ? Fault::kTransient : Fault::kBug;
}

// What a status means where no filter says so.
Verdict DefaultVerdict(int status) {
  const std::string text = "HTTP status " + std::to_string(status);
  switch (status) {
    case 401:
    case 403:
      return {.action = ErrorAction::kFail, .fault = Fault::kAuth, .message = text};
    case 400:
    case 404:
    case 405:
      return {.action = ErrorAction::kFail, .fault = Fault::kBug, .message = text};
    case 429:
      return {.action = ErrorAction::kRateLimited, .fault = Fault::kTransient, .message = text};
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
      return {.action = ErrorAction::kRetry, .fault = Fault::kTransient, .message = text};
    default:
      return {.action = ErrorAction::kRetry, .fault = Fault::kBug, .message = text};
  }
}

// What a pattern matches at the beginning of a header, or the whole header.
std::string Matched(const std::string& text, const std::string& pattern) {
  try {
    std::smatch match;
    if (std::regex_search(text, match, std::regex(pattern), std::regex_constants::match_continuous)) return match.str();
  } catch (const std::regex_error&) {
    return text;  // a pattern that only Python knows
  }
  return text;
}

std::optional<double> NumberIn(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

Result<std::unique_ptr<ErrorRules>> ErrorRules::Make(const Component& handler, const RunContext& run) {
  std::unique_ptr<ErrorRules> rules(new ErrorRules(run));
  if (!handler.present()) {
    rules->handlers_.emplace_back();
  } else if (handler.type() == "CompositeErrorHandler") {
    rules->seconds_max_ = 0;
    for (const Component& child : handler.Children("error_handlers")) {
      ARROW_RETURN_NOT_OK(rules->AddHandler(child, rules->handlers_.empty()));
    }
    if (rules->handlers_.empty()) return connector::airbyte::ManifestError(handler, "no error_handlers");
  } else {
    ARROW_RETURN_NOT_OK(rules->AddHandler(handler, true));
  }
  return rules;
}

Status ErrorRules::AddHandler(const Component& handler, bool first) {
  if (handler.type() != "DefaultErrorHandler") {
    return connector::airbyte::ManifestError(handler, "an error handler of type " + handler.type() + " cannot be run");
  }
  if (first && handler.Has("max_retries")) {
    ARROW_ASSIGN_OR_RAISE(auto text, InterpolatedField(handler, "max_retries"));
    Scope scope = run_.NewScope();
    ARROW_ASSIGN_OR_RAISE(const std::string number, text.EvalText(scope));
    const auto value = NumberIn(number);
    if (!value) return connector::airbyte::ManifestError(handler, "max_retries is no number");
    retries_max_ = static_cast<int64_t>(*value);
  }
  const double seconds = static_cast<double>(handler.Integer("max_time").value_or(600));
  seconds_max_ = first ? seconds : std::max(seconds_max_, seconds);
  Handler made;
  for (const Component& filter : handler.Children("response_filters")) {
    ARROW_ASSIGN_OR_RAISE(Filter item, MakeFilter(filter));
    made.filters.push_back(std::move(item));
  }
  handlers_.push_back(std::move(made));
  for (const Component& strategy : handler.Children("backoff_strategies")) ARROW_RETURN_NOT_OK(AddStrategy(strategy));
  return Status::OK();
}

Result<ErrorRules::Filter> ErrorRules::MakeFilter(const Component& component) const {
  Filter filter;
  const std::string action = component.Text("action");
  for (const NamedAction& known : kActions) {
    if (action == known.name) filter.action = known.action;
  }
  if (!action.empty() && !filter.action)
    return connector::airbyte::ManifestError(component, "unknown action " + action);
  if (component.Has("failure_type")) filter.fault = FaultOfType(component.Text("failure_type"));
  if (const auto* codes = component.Find("http_codes"); codes != nullptr) {
    if (codes->kind() != expression::Value::Kind::kList) {
      return connector::airbyte::ManifestError(component, "http_codes is no list");
    }
    for (const auto& code : codes->as_list()) {
      if (const auto number = NumberIn(expression::ToText(code))) filter.codes.insert(static_cast<int64_t>(*number));
    }
  }
  filter.contains = component.Text("error_message_contains");
  ARROW_ASSIGN_OR_RAISE(filter.predicate, InterpolatedField(component, "predicate"));
  ARROW_ASSIGN_OR_RAISE(filter.message, InterpolatedField(component, "error_message"));
  return filter;
}

Status ErrorRules::AddStrategy(const Component& component) {
  Strategy strategy;
  const std::string type = component.type();
  if (type == "ConstantBackoffStrategy") {
    ARROW_ASSIGN_OR_RAISE(strategy.seconds, InterpolatedField(component, "backoff_time_in_seconds"));
  } else if (type == "ExponentialBackoffStrategy") {
    strategy.kind = Strategy::Kind::kExponential;
    ARROW_ASSIGN_OR_RAISE(strategy.seconds, InterpolatedField(component, "factor", "5"));
  } else if (type == "WaitTimeFromHeader" || type == "WaitUntilTimeFromHeader") {
    strategy.kind = type == "WaitTimeFromHeader" ? Strategy::Kind::kWaitHeader : Strategy::Kind::kWaitUntilHeader;
    ARROW_ASSIGN_OR_RAISE(strategy.header, InterpolatedField(component, "header"));
    ARROW_ASSIGN_OR_RAISE(strategy.regex, InterpolatedField(component, "regex"));
    ARROW_ASSIGN_OR_RAISE(strategy.min_wait, InterpolatedField(component, "min_wait"));
    ARROW_ASSIGN_OR_RAISE(strategy.seconds_max, InterpolatedField(component, "max_waiting_time_in_seconds"));
  } else {
    return connector::airbyte::ManifestError(component, "a back-off strategy of type " + type + " cannot be run");
  }
  strategies_.push_back(std::move(strategy));
  return Status::OK();
}

Result<std::optional<Verdict>> ErrorRules::Match(const Filter& filter, const ApiResponse& response) const {
  bool matches = filter.codes.contains(response.status());
  Scope scope(run_.clock);
  scope.Set("config", Value::Null());
  scope.Set("response", response.is_json() ? response.Json() : EmptyMap());
  scope.Set("headers", response.HeaderMap());
  if (!matches && !filter.predicate.empty()) {
    ARROW_ASSIGN_OR_RAISE(matches, filter.predicate.EvalCondition(scope));
  }
  if (!matches && !filter.contains.empty()) {
    const auto message = ErrorMessageOf(response);
    matches = message && message->find(filter.contains) != std::string::npos;
  }
  if (!matches || !filter.action) return std::optional<Verdict>();
  Verdict verdict = DefaultVerdict(response.status());
  verdict.action = *filter.action;
  if (filter.fault && *filter.action == ErrorAction::kFail) verdict.fault = *filter.fault;
  if (!filter.message.empty()) {
    scope.Set("config", run_.config);
    const auto text = filter.message.EvalText(scope);
    if (text.ok() && !text->empty()) verdict.message = *text;
  }
  return std::optional<Verdict>(std::move(verdict));
}

Result<Verdict> ErrorRules::JudgeBy(const Handler& handler, const ApiResponse* response) const {
  if (response == nullptr) {
    return Verdict{.action = ErrorAction::kRetry, .fault = Fault::kTransient, .message = "no complete answer"};
  }
  for (const Filter& filter : handler.filters) {
    ARROW_ASSIGN_OR_RAISE(auto verdict, Match(filter, *response));
    if (verdict) return *verdict;
  }
  if (response->ok()) return Verdict{};
  return DefaultVerdict(response->status());
}

Result<Verdict> ErrorRules::Judge(const ApiResponse* response) const {
  Verdict last;
  for (const Handler& handler : handlers_) {
    ARROW_ASSIGN_OR_RAISE(last, JudgeBy(handler, response));
    // Only these settle it; a failure or a limit of one handler may be something else to the next.
    if (last.action == ErrorAction::kSuccess || last.action == ErrorAction::kRetry ||
        last.action == ErrorAction::kIgnore || last.action == ErrorAction::kResetPagination) {
      return last;
    }
  }
  return last;
}

Result<std::optional<double>> ErrorRules::NumberOf(const Interpolated& text) const {
  if (text.empty()) return std::optional<double>();
  Scope scope = run_.NewScope();
  ARROW_ASSIGN_OR_RAISE(const std::string number, text.EvalText(scope));
  return NumberIn(number);
}

Result<std::optional<double>> ErrorRules::WaitOf(const Strategy& strategy, const ApiResponse* response,
                                                 int attempt) const {
  if (strategy.kind == Strategy::Kind::kConstant) return NumberOf(strategy.seconds);
  if (strategy.kind == Strategy::Kind::kExponential) {
    ARROW_ASSIGN_OR_RAISE(const auto factor, NumberOf(strategy.seconds));
    return std::optional<double>(factor.value_or(5) * std::pow(2, attempt));
  }
  std::optional<double> number;
  Scope scope = run_.NewScope();
  ARROW_ASSIGN_OR_RAISE(const std::string header, strategy.header.EvalText(scope));
  if (response != nullptr) {
    if (const auto text = response->headers().Get(header)) {
      number =
          NumberIn(strategy.regex.empty() ? std::string(*text) : Matched(std::string(*text), strategy.regex.source()));
    }
  }
  ARROW_ASSIGN_OR_RAISE(const auto min_wait, NumberOf(strategy.min_wait));
  ARROW_ASSIGN_OR_RAISE(const auto limit, NumberOf(strategy.seconds_max));
  if (strategy.kind == Strategy::Kind::kWaitUntilHeader) {
    if (!number || *number == 0) {
      number = min_wait;
    } else {
      *number -= static_cast<double>(run_.clock->LogicalNow().micros) / 1e6;
      if (min_wait) {
        number = std::max(*number, *min_wait);
      } else if (*number < 0) {
        number.reset();
      }
    }
  }
  if (limit && number && *number != 0 && *number >= *limit) {
    return MakeError(Fault::kTransient, "the API asks to wait longer than the manifest allows");
  }
  return number;
}

Result<std::optional<double>> ErrorRules::Backoff(const ApiResponse* response, int attempt) const {
  for (const Strategy& strategy : strategies_) {
    ARROW_ASSIGN_OR_RAISE(const auto seconds, WaitOf(strategy, response, attempt));
    if (seconds && *seconds != 0) return seconds;
  }
  return std::optional<double>();
}

}  // namespace firn::source::airbyte
