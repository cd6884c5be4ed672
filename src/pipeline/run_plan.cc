#include "pipeline/run_plan.h"

#include <algorithm>
#include <map>

#include "base/hash.h"

namespace firn::pipeline {
namespace {

std::vector<std::string> Levels(const std::string& dataset) {
  std::vector<std::string> levels;
  size_t begin = 0;
  for (;;) {
    const size_t dot = dataset.find('.', begin);
    levels.push_back(dataset.substr(begin, dot - begin));
    if (dot == std::string::npos) return levels;
    begin = dot + 1;
  }
}

const config::TableConfig& RootOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  const config::TableConfig* at = &table;
  for (size_t depth = 0; depth <= pipeline.tables.size() && !at->parent.empty(); ++depth) {
    const config::TableConfig* parent = pipeline.FindTable(at->parent);
    if (parent == nullptr) break;  // refused by validation
    at = parent;
  }
  return *at;
}

// Parent before child: by depth, then in file order.
int DepthOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  int depth = 0;
  for (const auto* at = &table; !at->parent.empty() && depth < 64; ++depth) {
    at = pipeline.FindTable(at->parent);
    if (at == nullptr) break;
  }
  return depth;
}

bool Selects(const std::string& name, const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return name == table.name || name == pipeline.name || name == pipeline.name + "." + table.name ||
         name == pipeline.dataset + "." + table.name;
}

// Scheme and port may change (a proxy, a test server) without making it another source.
std::string HostAndPath(std::string url) {
  if (const size_t scheme = url.find("://"); scheme != std::string::npos) url.erase(0, scheme + 3);
  const size_t slash = std::min(url.find('/'), url.size());
  const size_t port = url.rfind(':', slash);
  if (port != std::string::npos && url.find(']', port) == std::string::npos) url.erase(port, slash - port);
  return url;
}

Status NothingSelected(const config::Project& project, const std::string& name) {
  std::string known;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) known += (known.empty() ? "" : ", ") + pipeline.name + "." + table.name;
  }
  return MakeError(Fault::kConfig, "--select " + name + " names no table or pipeline",
                   {.code = "E0230", .why = "this project has: " + (known.empty() ? "no tables" : known)});
}

}  // namespace

Result<std::vector<CommitGroup>> PlanGroups(const config::Project& project, const std::vector<std::string>& select) {
  std::vector<bool> used(select.size(), false);
  std::vector<CommitGroup> groups;
  for (const auto& pipeline : project.pipelines) {
    std::map<std::string, CommitGroup> by_root;
    std::map<std::string, bool> selected;
    for (const auto& table : pipeline.tables) {
      const std::string root = RootOf(pipeline, table).name;
      auto& group = by_root[root];
      group.pipeline = &pipeline;
      group.tables.push_back(&table);
      for (size_t i = 0; i < select.size(); ++i) {
        if (!Selects(select[i], pipeline, table)) continue;
        used[i] = true;
        selected[root] = true;
      }
    }
    for (const auto& table : pipeline.tables) {
      const auto found = by_root.find(table.name);
      if (found == by_root.end() || (!select.empty() && !selected[table.name])) continue;
      std::stable_sort(found->second.tables.begin(), found->second.tables.end(),
                       [&](const auto* a, const auto* b) { return DepthOf(pipeline, *a) < DepthOf(pipeline, *b); });
      groups.push_back(std::move(found->second));
    }
  }
  for (size_t i = 0; i < select.size(); ++i) {
    if (!used[i]) return NothingSelected(project, select[i]);
  }
  return groups;
}

catalog::TableIdentifier IdentifierOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return {.ns = Levels(pipeline.dataset), .name = table.name};
}

std::string StreamIdOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return pipeline.name + "/" + table.name;
}

std::string FingerprintOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  std::string text;
  const auto add = [&](std::string_view part) {
    text += part;
    text += '\n';
  };
  if (const auto* rest = std::get_if<config::RestSourceConfig>(&pipeline.source)) add(HostAndPath(rest->base_url));
  add(table.path);
  add(table.method);
  add(config::ToString(table.paginate.type));
  if (table.incremental) {
    add(table.incremental->cursor);
    add(table.incremental->param);
  }
  for (const auto& key : table.primary_key) add(key);
  add(config::ToString(table.write_disposition));
  add(table.parent);
  return Sha256Hex(text).substr(0, 16);
}

}  // namespace firn::pipeline
