#include "pipeline/table_selection.h"

#include <algorithm>

#include "state/run_history.h"

namespace firn::pipeline {
namespace {

constexpr std::string_view kTag = "tag:";
constexpr std::string_view kState = "state:";
constexpr size_t kNamesShown = 40;

// `*` stands for any text. Both are as short as names are, and a failed match takes back one star at a time.
bool Matches(std::string_view pattern, std::string_view name) {
  size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && pattern[p] == name[n]) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string Identifier(const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  return pipeline.dataset + "." + table.name;
}

std::string Known(const std::vector<std::string>& names) {
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) text += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > kNamesShown) text += " and " + std::to_string(names.size() - kNamesShown) + " more";
  return text;
}

}  // namespace

bool Selects(std::string_view word, const config::PipelineConfig& pipeline, const config::TableConfig& table,
             const std::set<std::string>& failed) {
  if (word.starts_with(kTag)) {
    return std::ranges::any_of(table.tags, [&](const auto& tag) { return Matches(word.substr(kTag.size()), tag); });
  }
  if (word.starts_with(kState)) return failed.contains(Identifier(pipeline, table));
  return Matches(word, table.name) || Matches(word, pipeline.name) || Matches(word, pipeline.name + "." + table.name) ||
         Matches(word, Identifier(pipeline, table));
}

bool MayBeEmpty(std::string_view word) {
  return word.starts_with(kState);
}

Status FillStates(state::RunHistory* history, const std::string& lake, TableSelection* selection) {
  bool wanted = false;
  for (const auto* words : {&selection->select, &selection->exclude}) {
    for (const std::string& word : *words) {
      if (!word.starts_with(kState)) continue;
      if (word != "state:failed") {
        return MakeError(Fault::kConfig, "there is no state `" + word.substr(kState.size()) + "` to select by",
                         {.code = "E0230", .state = "nothing was changed", .next = "write state:failed"});
      }
      wanted = true;
    }
  }
  if (!wanted) return Status::OK();
  if (history == nullptr) {
    return MakeError(Fault::kConfig, "state:failed needs the history of runs, and none is kept here",
                     {.code = "E0230", .state = "nothing was changed"});
  }
  ARROW_ASSIGN_OR_RAISE(const auto tables, history->LatestTables(lake));
  for (const auto& table : tables) {
    if (table.last.state != state::TableState::kCompleted) selection->failed.insert(table.last.identifier);
  }
  return Status::OK();
}

Status NothingSelected(const config::Project& project, std::string_view option, const std::string& word) {
  std::vector<std::string> names;
  std::set<std::string> tags;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) {
      names.push_back(pipeline.name + "." + table.name);
      tags.insert(table.tags.begin(), table.tags.end());
    }
  }
  std::string known;
  if (word.starts_with(kTag)) {
    known = tags.empty() ? "no tags" : "the tags " + Known({tags.begin(), tags.end()});
  } else {
    known = names.empty() ? "no tables" : Known(names);
  }
  return MakeError(Fault::kConfig, std::string(option) + " " + word + " names no table or pipeline",
                   {.code = "E0230", .why = "this project has: " + known});
}

}  // namespace firn::pipeline
