#include "source/rest/type.h"

#include "connector/native/lower.h"
#include "source/rest/source.h"

namespace firn::source::rest {
namespace {

Result<connector::RestPlan> Lower(const PipelineContext& context) {
  return connector::LowerNative(*context.project, *context.pipeline, context.diagnostics);
}

}  // namespace

SourceType Type() {
  return {.name = "rest",
          .validate = [](const PipelineContext& context) { return Lower(context).status(); },
          .build = [](const PipelineContext& context, const Services& services) -> Result<std::unique_ptr<Source>> {
            ARROW_ASSIGN_OR_RAISE(connector::RestPlan plan, Lower(context));
            return MakeRestSource(std::move(plan),
                                  {.http = services.http, .clock = services.clock, .budgets = services.budgets});
          }};
}

}  // namespace firn::source::rest
