#include "source/airbyte/api_budget.h"

#include <algorithm>
#include <charconv>
#include <regex>

#include "io/url.h"
#include "source/airbyte/moment.h"

namespace firn::source::airbyte {
namespace {

using connector::airbyte::ManifestError;

Result<int64_t> NumberField(const Component& component, std::string_view field, const RunContext& run) {
  ARROW_ASSIGN_OR_RAISE(const auto text, InterpolatedField(component, field));
  Scope scope = run.NewScope();
  ARROW_ASSIGN_OR_RAISE(const std::string digits, text.EvalText(scope));
  int64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) {
    return ManifestError(component, std::string(field) + " is no whole number");
  }
  return number;
}

}  // namespace

Result<std::unique_ptr<ApiBudget>> ApiBudget::Make(const Component& component, const RunContext& run) {
  auto budget = std::make_unique<ApiBudget>();
  for (const Component& policy : component.Children("policies")) {
    if (policy.type() == "UnlimitedCallRatePolicy") continue;
    ARROW_ASSIGN_OR_RAISE(Policy made, MakePolicy(policy, run));
    budget->policies_.push_back(std::move(made));
  }
  return budget;
}

Result<ApiBudget::Policy> ApiBudget::MakePolicy(const Component& component, const RunContext& run) {
  Policy policy;
  const auto add = [&](int64_t limit, const std::string& interval) -> Status {
    ARROW_ASSIGN_OR_RAISE(const Gap gap, ParseGap(interval));
    policy.rates.push_back(
        {.limit = limit, .interval = std::chrono::microseconds(gap.micros + gap.months * 2'592'000'000'000)});
    return Status::OK();
  };
  if (component.type() == "MovingWindowCallRatePolicy") {
    for (const Component& rate : component.Children("rates")) {
      ARROW_ASSIGN_OR_RAISE(const int64_t limit, NumberField(rate, "limit", run));
      ARROW_RETURN_NOT_OK(add(limit, rate.Text("interval")));
    }
  } else if (component.type() == "FixedWindowCallRatePolicy") {
    ARROW_RETURN_NOT_OK(add(component.Integer("call_limit").value_or(1), component.Text("period")));
  } else {
    return ManifestError(component, "a call rate policy of type " + component.type() + " cannot be run");
  }
  for (const Component& matcher : component.Children("matchers")) {
    Matcher made{.method = matcher.Text("method"),
                 .url_base = matcher.Text("url_base"),
                 .path_pattern = matcher.Text("url_path_pattern"),
                 .params = {},
                 .headers = {}};
    policy.matchers.push_back(std::move(made));
  }
  return policy;
}

bool ApiBudget::Matches(const Policy& policy, const io::HttpRequest& request) {
  if (policy.matchers.empty()) return true;
  return std::any_of(policy.matchers.begin(), policy.matchers.end(), [&](const Matcher& matcher) {
    if (!matcher.method.empty() && matcher.method != request.method) return false;
    if (!matcher.url_base.empty() && !request.url.starts_with(matcher.url_base)) return false;
    if (matcher.path_pattern.empty()) return true;
    const auto parts = io::ParseUrl(request.url);
    const std::string path = parts.ok() ? parts->path_and_query.substr(0, parts->path_and_query.find('?')) : "";
    try {
      return std::regex_search(path, std::regex(matcher.path_pattern));
    } catch (const std::regex_error&) {
      return false;
    }
  });
}

std::chrono::microseconds ApiBudget::HeldBack(const Policy& policy, std::chrono::steady_clock::time_point now) {
  std::chrono::microseconds wait{0};
  for (const Rate& rate : policy.rates) {
    if (rate.limit <= 0 || policy.passed.size() < static_cast<size_t>(rate.limit)) continue;
    const auto oldest = policy.passed[policy.passed.size() - static_cast<size_t>(rate.limit)];
    const auto left = std::chrono::duration_cast<std::chrono::microseconds>(oldest + rate.interval - now);
    wait = std::max(wait, left);
  }
  return wait;
}

Status ApiBudget::Acquire(const io::HttpRequest& request, const RunContext& run) {
  const auto policy = std::find_if(policies_.begin(), policies_.end(),
                                   [&](const Policy& candidate) { return Matches(candidate, request); });
  if (policy == policies_.end()) return Status::OK();
  while (true) {
    std::chrono::microseconds wait{0};
    {
      const std::lock_guard lock(mutex_);
      const auto now = run.clock->Steady();
      wait = HeldBack(*policy, now);
      if (wait.count() <= 0) {
        policy->passed.push_back(now);
        int64_t kept = 0;
        for (const Rate& rate : policy->rates) kept = std::max(kept, rate.limit);
        while (policy->passed.size() > static_cast<size_t>(kept)) policy->passed.pop_front();
        return Status::OK();
      }
    }
    // Real time has to pass: a scaled sleep would only ask again.
    ARROW_RETURN_NOT_OK(run.clock->Sleep(std::chrono::milliseconds(wait.count() / 1000 + 1), run.stop));
  }
}

}  // namespace firn::source::airbyte
