#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "connector/plan.h"
#include "io/http_session.h"

namespace firn::source::rest {

/// The `on_response` of a table and its source: what an answer means, if not what its status says. Good statuses are
/// judged, too: some APIs answer 200 and `"ok": false`. Only the members that rules name are looked at, and a page in
/// which a name does not occur is not parsed for it. A member that is missing is null, and an expression that has no
/// value for an answer (an order of a text and a number) does not match. An answer that asks to come back later is
/// never one without rows. Immutable, thread-safe; borrows plan and clock.
class ResponseRules {
 public:
  ResponseRules(const connector::TablePlan& table, const Clock& clock);

  /// What the first rule that matches says; nullopt without one. A failure has the code E0514 and the rule's place and
  /// message, without secrets and control characters.
  std::optional<io::HttpVerdict> Judge(const io::HttpResponse& response) const;

  /// What an answer without rows means by that rule: kEmpty or kSkip; nullopt if the answer is to be read.
  std::optional<connector::ResponseRule::Action> WithoutRows(const io::HttpResponse& response) const;

 private:
  class Answer;
  const connector::ResponseRule* Match(Answer& answer) const;
  io::HttpVerdict VerdictOf(const connector::ResponseRule& rule, Answer& answer) const;
  std::optional<io::milliseconds> WaitOf(const connector::ResponseRule& rule, const io::HttpResponse& response) const;

  const connector::TablePlan& table_;
  const Clock& clock_;
  bool may_lack_rows_ = false;
};

}  // namespace firn::source::rest
