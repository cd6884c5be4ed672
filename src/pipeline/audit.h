#pragma once

#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "pipeline/check_result.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"

/// What happens to a group between its last commit and its result: checks, and with `publish: audit` the fast-forward.
namespace firn::pipeline {

struct TableAudit {
  std::vector<CheckResult> checks;  // empty: none were run
  bool published = false;           // main moved
  bool waits = false;               // its rows are on the branch firn_audit alone
};

struct Audit {
  std::vector<TableAudit> tables;  // in the order of the group
  Status error;                    // not ok: the group failed, and what that means for its rows
};

/// Runs the checks of the tables that `committed` names (by index; this run committed rows of them), of those whose
/// loads wait on the branch, and all freshness checks. If no check that blocks failed, what waits becomes main, all
/// tables of the group in one commit. Error codes: E0911 checks failed; E0910 the branch has diverged.
Audit AuditGroup(const RunContext& context, const CommitGroup& group, const std::set<size_t>& committed,
                 std::stop_token stop);

}  // namespace firn::pipeline
