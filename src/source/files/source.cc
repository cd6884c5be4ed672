#include "source/files/source.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "source/files/file_reader.h"

namespace firn::source::files {
namespace {

using Json = nlohmann::json;

// So many positions of files that are gone are worth a line of their hashes.
constexpr size_t kGoneMin = 1'000;
constexpr size_t kGrowingMax = 10'000;

// Changes the state and reads nothing.
class StateReader : public SplitReader {
 public:
  explicit StateReader(Position position) : position_(std::move(position)) {}
  Result<std::optional<Event>> Next(std::stop_token) override {
    if (std::exchange(ended_, true)) return std::nullopt;
    return Event(Progress{position_});
  }

 private:
  const Position position_;
  bool ended_ = false;
};

struct Table {
  Table(const FilesOptions& options, const FilesTable& config, FilePlace place)
      : files(options, config, std::move(place)) {}
  std::vector<Glob> globs;
  TableFiles files;
};

class FilesSource : public Source {
 public:
  explicit FilesSource(FilesOptions options) : options_(std::move(options)) {}

  Status Prepare() {
    for (const FilesTable& config : options_.tables) {
      auto table = std::make_unique<Table>(options_, config, FilePlace{options_.store.get(), options_.location});
      for (const std::string& pattern : config.files.patterns) {
        ARROW_ASSIGN_OR_RAISE(auto glob, Glob::Parse(pattern));
        table->globs.push_back(std::move(glob));
      }
      tables_.emplace(config.name, std::move(table));
    }
    return Status::OK();
  }

  std::vector<std::string> tables() const override {
    std::vector<std::string> names;
    for (const FilesTable& table : options_.tables) names.push_back(table.name);
    return names;
  }

  Result<TableTraits> Traits(const std::string& name) const override {
    ARROW_ASSIGN_OR_RAISE(const Table* table, Find(name));
    const config::FilesConfig& files = table->files.table.files;
    TableTraits traits{.primary_key = table->files.table.primary_key, .resumability = Resumability::kStable};
    traits.why_once = files.same_content_once
                          ? "a content is loaded once, and rows and what was read of each file are one commit"
                          : "each file is loaded once, and rows and what was read of each file are one commit";
    return traits;
  }

  Result<std::vector<Split>> Plan(const ReadRequest& request, std::stop_token stop) override {
    ARROW_ASSIGN_OR_RAISE(Table * table, Find(request.table));
    if (request.from || request.to) {
      return MakeError(Fault::kConfig, "--from and --to are for tables with a cursor, and files have none",
                       {.code = "E0497", .next = "leave them out; --full-refresh reads all files anew"});
    }
    table->files.ClearNotes();
    const ReadRequest anew;
    ARROW_ASSIGN_OR_RAISE(const auto known, ReadState(options_.keeps_state ? request : anew, &table->files.known));
    ARROW_ASSIGN_OR_RAISE(std::vector<FoundFile> found, FindFiles(table->files.place, table->globs));
    if (found.empty()) NoteNothing(*table);
    table->files.keeps_end_marks = found.size() <= kGrowingMax;
    std::vector<Split> splits;
    AddGone(known, found, request, &splits);
    std::erase_if(found, [&](const FoundFile& file) {
      const auto at = known.find(file.path);
      return at != known.end() && IsLoaded(at->second, file.stamp);
    });
    ARROW_ASSIGN_OR_RAISE(const auto moving, WaitUntilSettled(table->files.place, table->files.table.files.settle_ms,
                                                              *options_.clock, &found, stop));
    for (const std::string& path : moving) {
      table->files.Note(path + " is still being written: the next run reads it");
    }
    // Those that are refused because they changed come first: nothing was loaded then.
    std::ranges::stable_partition(found, [&](const FoundFile& file) {
      const auto at = known.find(file.path);
      return at != known.end() && at->second.content;
    });
    for (const FoundFile& file : found) splits.push_back(SplitOf(file, known));
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    ARROW_ASSIGN_OR_RAISE(Table * table, Find(request.table));
    const Json text = Json::parse(split.json, nullptr, /*allow_exceptions=*/false);
    FIRN_CHECK(text.is_object());  // SplitOf wrote it
    if (text.contains("set")) return std::make_unique<StateReader>(Position{text["set"].get<std::string>()});
    const FoundFile file{
        .path = split.id,
        .stamp = {.size = text["size"].get<int64_t>(), .modified_micros = text["modified"].get<int64_t>(), .etag = {}}};
    std::optional<FilePosition> from;
    if (!split.from.json.empty()) {
      ARROW_ASSIGN_OR_RAISE(from, ParseFilePosition(split.from));
    }
    return ReadFile(table->files, file, std::move(from));
  }

  Status Acknowledge(const std::string&, const Split&, const Position&) override { return Status::OK(); }

  ReadStats stats(const std::string& name) const override {
    const auto found = tables_.find(name);
    return found == tables_.end() ? ReadStats() : found->second->files.stats();
  }

 private:
  using KnownFiles = std::map<std::string, FilePosition, std::less<>>;

  static Result<KnownFiles> ReadState(const ReadRequest& request, KnownContents* contents) {
    KnownFiles known;
    contents->Clear();
    for (const auto& [id, position] : request.state) {
      if (id == kGoneSplit) {
        ARROW_ASSIGN_OR_RAISE(const auto gone, ParseGone(position));
        for (const Content& content : gone) contents->Add(content, "");
        continue;
      }
      auto parsed = ParseFilePosition(position);
      if (!parsed.ok()) return Within("file " + id, parsed.status());
      if (parsed->content) contents->Add({parsed->stamp.size, *parsed->content}, id);
      known.emplace(id, *std::move(parsed));
    }
    return known;
  }

  static bool IsLoaded(const FilePosition& known, const Stamp& now) {
    return known.content && !known.fresh && known.stamp.size == now.size &&
           known.stamp.modified_micros == now.modified_micros;
  }

  static void NoteNothing(Table& table) {
    std::string patterns;
    for (const std::string& pattern : table.files.table.files.patterns) {
      patterns += (patterns.empty() ? "" : ", ") + pattern;
    }
    table.files.Note("no file matches " + patterns + " in " + table.files.place.location);
  }

  static Split SplitOf(const FoundFile& file, const KnownFiles& known) {
    Split split{.id = file.path,
                .json = Json{{"size", file.stamp.size}, {"modified", file.stamp.modified_micros}}.dump(),
                .resumability = Resumability::kStable};
    if (const auto at = known.find(file.path); at != known.end()) split.from = ToPosition(at->second);
    return split;
  }

  // Of files that are gone the state keeps what is needed to know their content again, and no more.
  static void AddGone(const KnownFiles& known, const std::vector<FoundFile>& found, const ReadRequest& request,
                      std::vector<Split>* splits) {
    const auto is_found = [&](const std::string& path) {
      const auto at = std::ranges::lower_bound(found, path, {}, &FoundFile::path);
      return at != found.end() && at->path == path;
    };
    std::vector<const std::pair<const std::string, FilePosition>*> gone;
    for (const auto& entry : known) {
      if (entry.second.content && !is_found(entry.first)) gone.push_back(&entry);
    }
    if (gone.size() < kGoneMin) return;
    std::vector<Content> contents;
    for (const auto& [id, position] : request.state) {
      if (id == kGoneSplit) contents = ParseGone(position).ValueOr({});
    }
    for (const auto* entry : gone) contents.push_back({entry->second.stamp.size, *entry->second.content});
    if (contents.size() > kGoneMax) contents.erase(contents.begin(), contents.end() - kGoneMax);
    const auto add = [&](const std::string& id, const Position& position) {
      splits->push_back({.id = id, .json = Json{{"set", position.json}}.dump(), .resumability = Resumability::kStable});
    };
    add(kGoneSplit, ToPosition(contents));
    for (const auto* entry : gone) add(entry->first, Position());
  }

  Result<Table*> Find(const std::string& name) const {
    const auto found = tables_.find(name);
    if (found != tables_.end()) return found->second.get();
    return MakeError(Fault::kConfig, "this source has no table " + name);
  }

  const FilesOptions options_;
  std::map<std::string, std::unique_ptr<Table>> tables_;
};

}  // namespace

Result<std::unique_ptr<Source>> MakeFilesSource(FilesOptions options) {
  FIRN_CHECK(options.clock != nullptr && options.store != nullptr);
  auto source = std::make_unique<FilesSource>(std::move(options));
  ARROW_RETURN_NOT_OK(source->Prepare());
  return source;
}

}  // namespace firn::source::files
