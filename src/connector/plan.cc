#include "connector/plan.h"

namespace firn::connector {
namespace {

void AddPaths(const Template& text, std::set<std::string>* paths) {
  for (const auto& path : text.PathsBelow("incremental")) paths->insert(path);
}

void AddPaths(const BodyTemplate& body, std::set<std::string>* paths) {
  if (body.kind == BodyTemplate::Kind::kTemplate) AddPaths(body.text, paths);
  for (const BodyTemplate& item : body.items) AddPaths(item, paths);
}

}  // namespace

std::set<std::string> IncrementalPaths(const TablePlan& table) {
  std::set<std::string> paths;
  if (table.job) paths = IncrementalPaths(*table.job->create);
  AddPaths(table.path, &paths);
  for (const auto& param : table.params) AddPaths(param.value, &paths);
  for (const auto& header : table.headers) AddPaths(header.value, &paths);
  if (table.body) AddPaths(*table.body, &paths);
  return paths;
}

}  // namespace firn::connector
