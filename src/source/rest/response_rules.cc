#include "source/rest/response_rules.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/ascii.h"
#include "base/redactor.h"
#include "expression/value.h"
#include "source/rest/incremental.h"
#include "source/rest/json_scan.h"

namespace firn::source::rest {
namespace {

using connector::ResponseRule;
using connector::Template;
using expression::Value;
using Action = ResponseRule::Action;

constexpr size_t kMessageBytesMax = 200;
constexpr int64_t kBodyBytesMax = int64_t{64} << 20;  // of one that was compressed

// The member is somewhere in the text, perhaps not where it is looked for. A good page of records mostly ends here.
bool MayHave(std::string_view body, std::string_view path) {
  const std::string quoted = "\"" + std::string(path.substr(path.rfind('.') + 1)) + "\"";
  return ::memmem(body.data(), body.size(), quoted.data(), quoted.size()) != nullptr;
}

// Null if it is not there, or if the body is no JSON, which whoever reads the records tells.
Value ValueAt(std::string_view body, std::string_view path) {
  if (!path.empty() && !MayHave(body, path)) return Value::Null();
  const auto raw = path.empty() ? body.substr(BeginOfBody(body)) : FindMember(body, path);
  if (!raw) return Value::Null();
  auto value = expression::ParseJson(*raw);
  return value.ok() ? *std::move(value) : Value::Null();
}

Value HeaderMap(const io::HttpHeaders& headers) {
  expression::Map entries;
  for (const auto& [name, value] : headers) entries.emplace_back(AsciiLower(name), Value::String(value));
  return Value::OfMap(std::move(entries));
}

bool LacksRows(const ResponseRule& rule) {
  return rule.action == Action::kEmpty || rule.action == Action::kSkip;
}

// What an error may show of a text that an API wrote: without secrets and control characters, cut between characters.
std::string Shown(const std::string& from_api) {
  std::string text = ProcessRedactor().Redact(from_api);
  std::ranges::replace_if(text, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, ' ');
  size_t size = kMessageBytesMax;
  if (text.size() <= size) return text;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
  return text.substr(0, size) + "…";
}

}  // namespace

// One response as rules see it; each member is looked for once.
class ResponseRules::Answer {
 public:
  Answer(const io::HttpResponse& response, const Clock& clock) : response_(response), clock_(clock) {}

  const io::HttpResponse& response() const { return response_; }

  expression::Scope ScopeFor(const Template& text) {
    expression::Scope scope{.clock = &clock_};
    for (const std::string& name : text.Names()) {
      if (name == "status") scope.names.emplace_back("status", Value::Int(response_.status));
      if (name == "headers") scope.names.emplace_back("headers", HeaderMap(response_.headers));
      if (name == "response") scope.names.emplace_back("response", Body(text.PathsBelow("response")));
    }
    return scope;
  }

 private:
  Value Body(const std::vector<std::string>& paths) {
    std::vector<std::pair<std::string, Value>> fields;
    for (const std::string& path : paths) {
      const auto known = std::ranges::find(found_, path, &std::pair<std::string, Value>::first);
      const Value value = known != found_.end() ? known->second : ValueAt(Text(), path);
      if (known == found_.end()) found_.emplace_back(path, value);
      if (path.empty()) return value;  // used as a whole
      fields.emplace_back(path, value);
    }
    return MapOfPaths(fields);
  }

  // The body as it is read: some APIs compress it without saying so. Broken bytes are told by whoever reads them.
  std::string_view Text() {
    if (text_ == nullptr) {
      auto plain = io::DecompressIfNeeded(response_.body, kBodyBytesMax);
      text_ = plain.ok() ? *std::move(plain) : response_.body;
    }
    return {reinterpret_cast<const char*>(text_->data()), static_cast<size_t>(text_->size())};
  }

  const io::HttpResponse& response_;
  const Clock& clock_;
  std::shared_ptr<arrow::Buffer> text_;
  std::vector<std::pair<std::string, Value>> found_;  // few
};

ResponseRules::ResponseRules(const connector::TablePlan& table, const Clock& clock)
    : table_(table), clock_(clock), may_lack_rows_(std::ranges::any_of(table.response_rules, LacksRows)) {}

const ResponseRule* ResponseRules::Match(Answer& answer) const {
  const int status = answer.response().status;
  const bool throttled = io::IsThrottled(answer.response(), clock_.Now());
  for (const ResponseRule& rule : table_.response_rules) {
    if (rule.status_max > 0 && (status < rule.status_min || status > rule.status_max)) continue;
    if (throttled && LacksRows(rule)) continue;
    if (!rule.when) return &rule;
    const auto holds = rule.when->Evaluate(answer.ScopeFor(*rule.when));
    if (holds.ok() && expression::Truthy(*holds)) return &rule;
  }
  return nullptr;
}

std::optional<io::milliseconds> ResponseRules::WaitOf(const ResponseRule& rule,
                                                      const io::HttpResponse& response) const {
  const auto header = response.headers.Get(rule.wait_header.empty() ? "Retry-After" : rule.wait_header);
  if (header) {
    if (const auto wait = io::ParseReset(*header, clock_.Now())) return wait;
  }
  return rule.wait_ms ? std::optional(io::milliseconds(*rule.wait_ms)) : std::nullopt;
}

io::HttpVerdict ResponseRules::VerdictOf(const ResponseRule& rule, Answer& answer) const {
  using Verdict = io::HttpVerdict::Action;
  if (LacksRows(rule)) return {};
  io::HttpVerdict verdict{.action = Verdict::kFail, .reason = "by a rule of `on_response`"};
  if (rule.action == Action::kRetry) verdict.action = Verdict::kRetry;
  if (rule.action == Action::kRateLimited) verdict.action = Verdict::kThrottled;
  if (verdict.action != Verdict::kFail) verdict.delay = WaitOf(rule, answer.response());
  verdict.fault = rule.action == Action::kAuthFailed ? Fault::kAuth : Fault::kConfig;
  verdict.context = {.code = "E0514", .where = rule.where};
  if (rule.message) {
    auto text = rule.message->Render(answer.ScopeFor(*rule.message));
    verdict.context.why = Shown(text.ok() ? *text : rule.message->source());
  }
  return verdict;
}

std::optional<io::HttpVerdict> ResponseRules::Judge(const io::HttpResponse& response) const {
  if (table_.response_rules.empty()) return std::nullopt;
  Answer answer(response, clock_);
  const ResponseRule* rule = Match(answer);
  return rule == nullptr ? std::nullopt : std::optional(VerdictOf(*rule, answer));
}

std::optional<Action> ResponseRules::WithoutRows(const io::HttpResponse& response) const {
  if (!may_lack_rows_) return std::nullopt;
  Answer answer(response, clock_);
  const ResponseRule* rule = Match(answer);
  return rule != nullptr && LacksRows(*rule) ? std::optional(rule->action) : std::nullopt;
}

}  // namespace firn::source::rest
