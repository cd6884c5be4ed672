#include "cli/table_choice.h"

#include "pipeline/run_plan.h"

namespace firn::cli {

Result<const config::PipelineConfig*> ChoosePipeline(const config::Project& project, const std::string& name) {
  if (const config::PipelineConfig* found = project.FindPipeline(name)) return found;
  std::string known;
  for (const auto& other : project.pipelines) known += (known.empty() ? "" : ", ") + other.name;
  return MakeError(Fault::kConfig, "there is no pipeline " + name,
                   {.code = "E0230", .why = "the project has: " + known, .state = "nothing was changed"});
}

Result<TableChoice> ChooseTable(const config::Project& project, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const auto groups, pipeline::PlanGroups(project, {.select = {name}}));
  TableChoice choice;
  std::string all;
  int found = 0;
  for (const auto& group : groups) {
    for (const auto* table : group.tables) {
      const std::string identifier = pipeline::IdentifierOf(*group.pipeline, *table).ToString();
      all += (all.empty() ? "" : ", ") + identifier;
      if (name != table->name && name != identifier && name != group.pipeline->name + "." + table->name) continue;
      choice = {.pipeline = group.pipeline, .table = table};
      ++found;
    }
  }
  if (found == 1) return choice;
  if (all.empty()) return pipeline::NothingSelected(project, "the name", name);
  return MakeError(Fault::kConfig, "`" + name + "` names several tables; name one of " + all);
}

}  // namespace firn::cli
