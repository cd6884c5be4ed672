#include "config/project.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "config/connector_layer.h"
#include "config/fields.h"
#include "config/layers.h"
#include "config/lowering.h"
#include "config/steps_workflow.h"
#include "config/text_position.h"
#include "config/yaml_tree.h"

extern char** environ;  // POSIX.1-2017, environ(7)

namespace firn::config {
namespace {

/// The overrides of the environments that were not chosen are checked too, or they would fail on the day they are.
void CheckEnvironments(const Node& root, const std::string& chosen, Checker* checker, Diagnostics* diagnostics) {
  const Node* environments = root.Find("environments");
  if (environments == nullptr || environments->kind != NodeKind::kMapping) return;
  Checker partial(diagnostics, Checker::Mode::kPartial);
  for (const Entry& entry : environments->entries) {
    const std::string path = "environments." + entry.key;
    if (!IsName(entry.key)) {
      checker->Error("E0209", path, entry.key_span, "`" + Shown(entry.key) + "` is not an environment's name").help =
          kNameHelp;
    } else if (entry.value.kind != NodeKind::kMapping) {
      if (!entry.value.is_null()) checker->Error("E0202", path, entry.value.span, "an environment must be a mapping");
    } else if (entry.key != chosen) {
      partial.CheckObject(entry.value, EnvironmentType(), path, entry.key_span);
    }
  }
}

bool IsFlatKey(const std::string& key) {
  return FlatType().FindField(key) != nullptr;
}

Node WithoutEnvironments(const Node& root) {
  Node rest = root;
  std::erase_if(rest.entries, [](const Entry& entry) { return entry.key == "environments"; });
  return rest;
}

}  // namespace

const TableConfig* PipelineConfig::FindTable(std::string_view table) const {
  for (const TableConfig& candidate : tables) {
    if (candidate.name == table) return &candidate;
  }
  return nullptr;
}

const PipelineConfig* Project::FindPipeline(std::string_view name) const {
  for (const PipelineConfig& pipeline : pipelines) {
    if (pipeline.name == name) return &pipeline;
  }
  return nullptr;
}

Span Project::SpanOf(std::string_view path) const {
  while (true) {
    const auto found = spans.find(path);
    if (found != spans.end()) return found->second;
    const size_t dot = path.rfind('.');
    if (dot == std::string_view::npos) return {};
    path = path.substr(0, dot);
  }
}

std::string Project::WhereIs(std::string_view path) const {
  return ToString(SpanOf(path));
}

LoadOptions LoadOptions::FromProcess() {
  LoadOptions options;
  std::error_code error;
  options.working_folder = std::filesystem::current_path(error).string();
  if (error) options.working_folder = "/";
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view pair = *entry;
    const size_t equals = pair.find('=');
    if (equals != std::string_view::npos) options.env.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return options;
}

Result<Project> LoadProject(const LoadOptions& options, Diagnostics* diagnostics) {
  std::optional<LayeredTree> layers = BuildLayers(options, diagnostics);
  if (!layers) return diagnostics->ToStatus();
  Node root = WithoutEnvironments(layers->root);
  Checker checker(diagnostics);
  if (IsFlat(root)) {
    // Variables and flags speak of the native form: FIRN__LAKE__WAREHOUSE holds for a flat project too.
    Node flat = root;
    std::erase_if(flat.entries,
                  [](const Entry& entry) { return entry.value.origin != "project" && !IsFlatKey(entry.key); });
    std::erase_if(root.entries, [&](const Entry& entry) { return flat.Find(entry.key) != nullptr; });
    Checker(diagnostics).CheckObject(flat, FlatType(), "", flat.span);
    if (diagnostics->has_errors()) return diagnostics->ToStatus();
    const Node outside = root;
    root = FlatToNative(flat);
    Overlay(&root, outside, "variable");
    // Only for the places: the flat form has been checked, and its findings must not appear twice.
    Diagnostics repeated;
    Checker places(&repeated);
    places.CheckObject(root, ProjectType(), "", root.span);
    checker.AdoptSpans(places);
    if (!outside.entries.empty() && repeated.has_errors()) {
      Checker(diagnostics).CheckObject(root, ProjectType(), "", root.span);
      return diagnostics->ToStatus();
    }
  } else {
    AddConnectorLayers(&root, layers->folder, &checker, diagnostics);
    AddEmittedTables(&root, layers->folder, &checker, diagnostics);
    AddDeclaredTables(&root, layers->folder, options.connector_declaration, &checker);
    CheckEnvironments(layers->root, layers->environment, &checker, diagnostics);
    checker.CheckObject(root, ProjectType(), "", root.span);
  }
  Project project = LowerProject(root, layers->folder, layers->environment, &checker);
  ARROW_RETURN_NOT_OK(diagnostics->ToStatus());
  project.files = std::move(layers->files);
  project.environment = std::move(layers->environment);
  project.spans = checker.spans();
  project.tree = std::make_shared<const Node>(std::move(root));
  return project;
}

}  // namespace firn::config
