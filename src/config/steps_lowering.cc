#include "config/steps_lowering.h"

#include "config/json_text.h"
#include "config/steps_workflow.h"

namespace firn::config {

StepsSourceConfig LowerStepsSource(const ObjectView& source, const std::string& path, const LoweringContext& context) {
  StepsSourceConfig out;
  Diagnostics told;  // what is wrong in the file was said when its tables were added
  auto workflow = ReadWorkflow(source.Text("workflow"), context.folder, &told);
  if (workflow.ok()) out.workflow = *std::move(workflow);
  const Node* inputs = source.Find("inputs");
  if (inputs == nullptr || inputs->is_null()) return out;
  out.inputs_json = JsonTextOf(*inputs);
  out.written_json = JsonTextAsWritten(*inputs);
  if (inputs->kind != NodeKind::kMapping) {
    context.Error("E0533", path + ".inputs", "`inputs` is no mapping").help = "write names and values";
  }
  return out;
}

}  // namespace firn::config
