#include "config/response_rule_fields.h"

#include <utility>

namespace firn::config {
namespace {

constexpr int64_t kWaitMsMax = 600'000;  // io waits no longer at a time

Field ActionField() {
  return Enum("action",
              {{"fail", "the table fails"},
               {"auth_failed", "the table fails, for its credentials"},
               {"empty", "the request has no rows; counted in the result"},
               {"skip",
                "the partition, or the table without partitions, is read no further in this run and keeps its "
                "position; counted in the result. A table that is replaced fails"},
               {"retry", "asked again, within the limits of `retry:`"},
               {"rate_limited", "all requests with these credentials wait, up to an hour, and it is asked again"}})
      .Required()
      .Doc("What the answer means.")
      .Foreign({{"ignore", "write `empty` if there are no rows, `skip` if they cannot be had now"},
                {"throttle", "write `rate_limited`"},
                {"throttled", "write `rate_limited`"},
                {"error", "write `fail`"}});
}

}  // namespace

ObjectTypePtr ResponseRuleType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "response_rule",
      .doc = "What an answer means, if not what its status says. The first rule that matches holds.",
      .fields =
          {Text("status").Doc("Of which statuses: 200, 4xx or 500-504; default: of any.").Example("4xx"),
           Expression("when")
               .Doc("True for such an answer; sees `response` (its JSON), `status` and `headers` (lower case). What is "
                    "missing is "
                    "null, and what cannot be compared does not match.")
               .Example("{{ response.ok == false and response.error == 'ratelimited' }}"),
           ActionField(),
           Duration("wait").Range(1, kWaitMsMax).Doc("Before asking again, if the answer does not say.").Example("30s"),
           Text("wait_header")
               .Doc("Response header that says how long to wait, in seconds or as a time; default: `Retry-After`.")
               .Example("X-Rate-Limit-Reset-After"),
           Expression("message")
               .Doc("What the error says of it; sees the same names.")
               .Example("the API says {{ response.error }}")},
      .foreign = {{"then", "write `action:`"},
                  {"status_code", "write `status:`"},
                  {"http_codes", "write a rule for each with `status:`"},
                  {"predicate", "write `when:`"},
                  {"content", "write `when: \"{{ … }}\"`"},
                  {"error_message_contains", "write `when: \"{{ '…' in response.message }}\"`"},
                  {"error_message", "write `message:`"},
                  {"backoff", "write `wait:`"}}});
  return type;
}

Field ResponseRulesField(std::string doc) {
  return List("on_response", Object("", ResponseRuleType()))
      .Doc(std::move(doc))
      .Example("[{when: \"{{ response.ok == false }}\", action: fail, message: \"{{ response.error }}\"}]");
}

}  // namespace firn::config
