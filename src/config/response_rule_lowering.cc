#include "config/response_rule_lowering.h"

#include <tuple>

#include "config/response_rule_fields.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

using Action = ResponseRuleConfig::Action;
constexpr int32_t kStatusMin = 200;  // an error may come with a good status
constexpr int32_t kRefusalMin = 300;

Action ActionOf(std::string_view text) {
  if (text == "auth_failed") return Action::kAuthFailed;
  if (text == "empty") return Action::kEmpty;
  if (text == "skip") return Action::kSkip;
  if (text == "retry") return Action::kRetry;
  return text == "rate_limited" ? Action::kRateLimited : Action::kFail;
}

// Without a condition good pages would be errors, and a wait is for what is asked again.
void Judge(const ObjectView& view, const ResponseRuleConfig& rule, const LoweringContext& context) {
  if (!view.Has("when") && rule.status_min < kRefusalMin) {
    context.Error("E0515", rule.config_path, "the rule would hold for every good answer").help =
        "add `when:`, or a `status:` from 300 on";
  }
  const bool again = rule.action == Action::kRetry || rule.action == Action::kRateLimited;
  for (const char* field : {"wait", "wait_header"}) {
    if (again || !view.Has(field)) continue;
    context
        .Error("E0515", rule.config_path + "." + field,
               "`" + std::string(field) + "` has no effect with `action: " + view.Text("action") + "`")
        .help = "write `action: retry` or `action: rate_limited`, or remove it";
  }
  if ((rule.action == Action::kEmpty || rule.action == Action::kSkip) && view.Has("message")) {
    context
        .Error("E0515", rule.config_path + ".message",
               "`message` is for errors, and `action: " + view.Text("action") + "` is none")
        .help = "remove it";
  }
}

}  // namespace

std::vector<ResponseRuleConfig> LowerResponseRules(const ObjectView& owner, const std::string& path,
                                                   const LoweringContext& context) {
  std::vector<ResponseRuleConfig> rules;
  const Node* list = owner.Find("on_response");
  if (list == nullptr) return rules;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const ObjectView view(&list->items[i], *ResponseRuleType());
    ResponseRuleConfig rule{.config_path = path + ".on_response." + std::to_string(i),
                            .when = view.Text("when"),
                            .action = ActionOf(view.Text("action")),
                            .wait_ms = view.OptionalInt("wait"),
                            .wait_header = view.Text("wait_header"),
                            .message = view.Text("message")};
    if (view.Has("status")) {
      const auto range = ParseStatusRange(view.Text("status"), kStatusMin);
      if (!range) {
        context
            .Error("E0420", rule.config_path + ".status",
                   "`" + Shown(view.Text("status")) + "` is no status that can be judged")
            .help = "write a status from 200 to 599, a class like 4xx, or a range like 500-504";
        continue;
      }
      std::tie(rule.status_min, rule.status_max) = *range;
    }
    Judge(view, rule, context);
    rules.push_back(std::move(rule));
  }
  return rules;
}

}  // namespace firn::config
