#include "pipeline/run_plan.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>

#include "base/hash.h"
#include "table/commit/branch_view.h"

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

// Which words of an option meant something.
class Words {
 public:
  Words(std::string_view option, const std::vector<std::string>& words, const std::set<std::string>& failed)
      : option_(option), words_(words), failed_(failed), used_(words.size(), false) {}

  bool Mean(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
    bool any = false;
    for (size_t i = 0; i < words_.size(); ++i) {
      if (!Selects(words_[i], pipeline, table, failed_)) continue;
      used_[i] = true;
      any = true;
    }
    return any;
  }

  Status CheckAllUsed(const config::Project& project) const {
    for (size_t i = 0; i < words_.size(); ++i) {
      if (!used_[i] && !MayBeEmpty(words_[i])) return NothingSelected(project, option_, words_[i]);
    }
    return Status::OK();
  }

 private:
  const std::string_view option_;
  const std::vector<std::string>& words_;
  const std::set<std::string>& failed_;
  std::vector<bool> used_;
};

}  // namespace

Result<std::vector<CommitGroup>> PlanGroups(const config::Project& project, const TableSelection& selection) {
  Words select("--select", selection.select, selection.failed);
  Words exclude("--exclude", selection.exclude, selection.failed);
  std::vector<CommitGroup> groups;
  for (const auto& pipeline : project.pipelines) {
    std::map<std::string, CommitGroup> by_root;
    std::map<std::string, bool> selected, excluded;
    for (const auto& table : pipeline.tables) {
      const std::string root = RootOf(pipeline, table).name;
      auto& group = by_root[root];
      group.pipeline = &pipeline;
      group.tables.push_back(&table);
      if (select.Mean(pipeline, table) || selection.select.empty()) selected[root] = true;
      if (exclude.Mean(pipeline, table)) excluded[root] = true;
    }
    for (const auto& table : pipeline.tables) {
      const auto found = by_root.find(table.name);
      if (found == by_root.end() || !selected[table.name] || excluded[table.name]) continue;
      std::stable_sort(found->second.tables.begin(), found->second.tables.end(),
                       [&](const auto* a, const auto* b) { return DepthOf(pipeline, *a) < DepthOf(pipeline, *b); });
      groups.push_back(std::move(found->second));
    }
  }
  ARROW_RETURN_NOT_OK(select.CheckAllUsed(project));
  ARROW_RETURN_NOT_OK(exclude.CheckAllUsed(project));
  return groups;
}

catalog::TableIdentifier IdentifierOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return {.ns = Levels(pipeline.dataset), .name = table.name};
}

std::string StreamIdOf(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return pipeline.name + "/" + table.name;
}

io::RawArchivePlace ArchivePlaceOf(const config::PipelineConfig& pipeline, const config::TableConfig& table,
                                   const std::string& run) {
  return {.root = table.raw.location,
          .pipeline = pipeline.name,
          .dataset = pipeline.dataset,
          .table = table.name,
          .run = run};
}

std::string BranchOf(const config::TableConfig& table) {
  return table.audit ? table::kAuditBranch : table::kMainBranch;
}

Result<std::string> FingerprintOf(const source::SourceRegistry& sources, const config::PipelineConfig& pipeline,
                                  const config::TableConfig& table) {
  ARROW_ASSIGN_OR_RAISE(const source::SourceType* type, sources.TypeOf(pipeline));
  std::string text = type->identity(pipeline, table);
  const auto add = [&](std::string_view part) {
    text += part;
    text += '\n';
  };
  if (table.incremental) {
    add(table.incremental->cursor);
    add(table.incremental->param);
  }
  for (const auto& key : table.primary_key) add(key);
  add(config::ToString(table.write_disposition));
  add(table.parent);
  // Versions of a key are no rows of it, and the other way round.
  const bool history = table.write_disposition == config::WriteDisposition::kMerge &&
                       table.merge.strategy == config::MergeStrategy::kScd2;
  if (history) add("scd2");
  return Sha256Hex(text).substr(0, 16);
}

std::string NextOfOtherRequest(const config::TableConfig& table) {
  return "firn run --select " + table.name + " --full-refresh   (or, if the position still holds: firn state accept " +
         table.name + ")";
}

}  // namespace firn::pipeline
