#pragma once

#include "base/status.h"
#include "config/project.h"
#include "connector/plan.h"

namespace firn::connector {

/// Lowers a pipeline of a native project file to its plan: parses templates, checks the names they use, resolves what
/// follows from the write disposition. Pure and offline. Findings go to `diagnostics` (required), all of them, with
/// spans inside the templates. Errors: kConfig with the first finding.
Result<RestPlan> LowerNative(const config::Project& project, const config::PipelineConfig& pipeline,
                             config::Diagnostics* diagnostics);

/// The same of credentials alone. `where`: of `auth:`, for errors.
AuthPlan LowerAuth(const config::AuthConfig& auth, std::string where);

}  // namespace firn::connector
