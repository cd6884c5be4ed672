#include "pipeline/kept_tables.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "pipeline/raw_table.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "table/commit/stream_token.h"

namespace firn::pipeline {
namespace {

using Streams = std::map<std::pair<std::string, std::string>, std::string>;

// (pipeline, table) → identifier, by the configuration.
Streams StreamsOf(const config::Project& project) {
  Streams streams;
  for (const auto& pipeline : project.pipelines) {
    for (const auto& table : pipeline.tables) {
      streams[{pipeline.name, table.name}] = IdentifierOf(pipeline, table).ToString();
      if (table.raw.mode != config::RawConfig::Mode::kTable) continue;
      streams[{pipeline.name, table.name + kRawStreamMark}] = RawTableOf(pipeline, table).ToString();
    }
  }
  return streams;
}

bool Names(const Streams& streams, const std::string& identifier) {
  return std::ranges::any_of(streams, [&](const auto& stream) { return stream.second == identifier; });
}

catalog::TableIdentifier Parsed(const std::string& identifier) {
  catalog::TableIdentifier out;
  size_t begin = 0;
  for (size_t dot = identifier.find('.'); dot != std::string::npos; dot = identifier.find('.', begin)) {
    out.ns.push_back(identifier.substr(begin, dot - begin));
    begin = dot + 1;
  }
  out.name = identifier.substr(begin);
  return out;
}

class Finder {
 public:
  Finder(const config::Project& project, catalog::Catalog& catalog)
      : project_(project), catalog_(catalog), streams_(StreamsOf(project)) {}

  void ByHistory(state::RunHistory& history) {
    const auto tables = history.LatestTables(project_.lake.warehouse);
    if (!tables.ok()) return;
    for (const auto& status : *tables) {
      if (!IsUnnamed(project_, status, history)) continue;
      const auto loaded = catalog_.LoadTable(Parsed(status.last.identifier));
      if (loaded.ok() && *loaded) Add(status.last.identifier, status.last.pipeline, status.last.table);
    }
  }

  // A dataset belongs to one environment, so what a known pipeline loaded there was of this one.
  void ByStreams() {
    std::set<std::vector<std::string>> datasets;
    for (const auto& pipeline : project_.pipelines) {
      for (const auto& table : pipeline.tables) datasets.insert(IdentifierOf(pipeline, table).ns);
    }
    for (const auto& dataset : datasets) {
      const auto tables = catalog_.ListTables(dataset);
      if (!tables.ok()) continue;
      for (const auto& identifier : *tables) {
        if (!Names(streams_, identifier.ToString()) && !identifier.name.starts_with('_')) ByStreamsOf(identifier);
      }
    }
  }

  std::vector<KeptTable> Take() {
    std::vector<KeptTable> out;
    for (auto& [identifier, kept] : found_) out.push_back(std::move(kept));
    return out;
  }

 private:
  void ByStreamsOf(const catalog::TableIdentifier& identifier) {
    const auto loaded = catalog_.LoadTable(identifier);
    if (!loaded.ok() || !*loaded) return;
    for (const auto& [key, value] : (*loaded)->metadata->properties) {
      if (!key.starts_with(table::kStreamKeyPrefix)) continue;
      std::string stream = key.substr(std::string_view(table::kStreamKeyPrefix).size());
      stream = stream.substr(0, stream.find(kBackfillMark));
      const size_t slash = stream.find('/');
      const std::string pipeline = stream.substr(0, slash);
      const bool known = std::ranges::any_of(project_.pipelines, [&](const auto& own) { return own.name == pipeline; });
      if (known && slash != std::string::npos) Add(identifier.ToString(), pipeline, stream.substr(slash + 1));
    }
  }

  void Add(const std::string& identifier, const std::string& pipeline, const std::string& table) {
    KeptTable kept{.identifier = identifier, .pipeline = pipeline, .table = table, .now = ""};
    const auto now = streams_.find({pipeline, table});
    if (now != streams_.end()) kept.now = now->second;
    found_.emplace(identifier, std::move(kept));
  }

  const config::Project& project_;
  catalog::Catalog& catalog_;
  const Streams streams_;
  std::map<std::string, KeptTable> found_;
};

}  // namespace

std::string KeptText(const KeptTable& kept) {
  if (kept.now.empty() && kept.table.ends_with(kRawStreamMark)) {
    return "bodies of " + kept.pipeline + "." + kept.table.substr(0, kept.table.find(kRawStreamMark)) +
           ", which has `raw: table` no more; rederive still reads them";
  }
  if (kept.now.empty()) {
    return "no pipeline names it any more (" + kept.pipeline + " loaded it as " + kept.table +
           "); its rows stay, and nothing loads it";
  }
  return "the configuration puts " + kept.pipeline + "." + kept.table + " at " + kept.now +
         " now, which is another table: it begins from the beginning, and the rows here stay";
}

std::string KeptNext(const KeptTable& kept) {
  return kept.now.empty()
             ? "firn sql \"from " + kept.identifier + " limit 5\""
             : "firn table rename " + kept.identifier + " " + kept.now + "   (rows and position move along)";
}

std::vector<KeptTable> FindKeptTables(const config::Project& project, state::RunHistory* history,
                                      catalog::Catalog& catalog) {
  Finder finder(project, catalog);
  if (history != nullptr) finder.ByHistory(*history);
  finder.ByStreams();
  return finder.Take();
}

bool IsUnnamed(const config::Project& project, const state::TableStatus& status, state::RunHistory& history) {
  if (Names(StreamsOf(project), status.last.identifier)) return false;
  const auto run = history.FindRun(status.run_id);
  return run.ok() && run->environment == project.environment;
}

}  // namespace firn::pipeline
