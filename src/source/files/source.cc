#include "source/files/source.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "io/file_store.h"
#include "source/files/file_reader.h"

namespace firn::source::files {
namespace {

using Json = nlohmann::json;

// So many positions of files that are gone are worth a line of their hashes.
constexpr size_t kGoneMin = 1'000;
constexpr size_t kGrowingMax = 10'000;
constexpr int64_t kFetchShare = 32;  // of the memory, for files that wait for their turn

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
  FilePatterns patterns;
  TableFiles files;
};

class FilesSource : public Source {
 public:
  explicit FilesSource(FilesOptions options) : options_(std::move(options)) {}

  Status Prepare() {
    for (const FilesTable& config : options_.tables) {
      auto table = std::make_unique<Table>(options_, config, FilePlace{options_.store.get(), options_.location});
      ARROW_ASSIGN_OR_RAISE(table->patterns, FilePatterns::Parse(config.files.patterns));
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
    ARROW_ASSIGN_OR_RAISE(std::vector<FoundFile> found, FindFiles(table->files.place, table->patterns.globs()));
    if (found.empty()) NoteNothing(*table);
    table->files.keeps_end_marks = found.size() <= kGrowingMax;
    std::vector<Split> splits;
    AddGone(known, found, request, &splits);
    std::erase_if(found, [&](const FoundFile& file) {
      const auto at = known.find(file.path);
      if (at == known.end() || !IsLoaded(at->second, file.stamp)) return false;
      return !IsArchive(*table, file) || at->second.content == table->patterns.Digest();
    });
    ARROW_ASSIGN_OR_RAISE(const auto moving, WaitUntilSettled(table->files.place, table->files.table.files.settle_ms,
                                                              *options_.clock, &found, stop));
    for (const std::string& path : moving) {
      table->files.Note(path + " is still being written: the next run reads it");
    }
    std::vector<Split> done_archives;
    ARROW_RETURN_NOT_OK(OpenArchives(*table, known, &found, &done_archives));
    if (found.size() > kGrowingMax) table->files.keeps_end_marks = false;
    // Those that are refused because they changed come first: nothing was loaded then.
    std::ranges::stable_partition(found, [&](const FoundFile& file) {
      const auto at = known.find(file.path);
      return at != known.end() && at->second.content;
    });
    for (const FoundFile& file : found) splits.push_back(SplitOf(file, known));
    FetchAheadOf(table->files, std::move(found));
    std::ranges::move(done_archives, std::back_inserter(splits));
    return splits;
  }

  Result<std::unique_ptr<SplitReader>> OpenSplit(ReadRequest& request, const Split& split) override {
    ARROW_ASSIGN_OR_RAISE(Table * table, Find(request.table));
    const Json text = Json::parse(split.json, nullptr, /*allow_exceptions=*/false);
    FIRN_CHECK(text.is_object());  // SplitOf wrote it
    if (text.contains("set")) return std::make_unique<StateReader>(Position{text["set"].get<std::string>()});
    FoundFile file{.path = split.id, .stamp = StampIn(text), .in = {}, .is_archive = text.contains("archive")};
    if (text.contains("in")) file.in = InArchiveOf(text["in"]);
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

  // Where nothing but its size is told of a file, it is read to be known by its content.
  static bool IsLoaded(const FilePosition& known, const Stamp& now) {
    if (now.modified_micros == 0 && now.etag.empty()) return false;
    return known.content && !known.fresh && known.stamp.size == now.size &&
           known.stamp.modified_micros == now.modified_micros && (now.etag.empty() || known.stamp.etag == now.etag);
  }

  static bool IsArchive(const Table& table, const FoundFile& file) {
    const config::FileCompression compression = table.files.table.files.compression;
    return compression == config::FileCompression::kZip ||
           (compression == config::FileCompression::kAuto && IsArchiveName(file.path));
  }

  // Puts the members of archives in their place. One that is no archive stays, to be refused when it is its turn.
  // `done`: what is known when all members are loaded, so that the next run need not open it.
  Status OpenArchives(Table& table, const KnownFiles& known, std::vector<FoundFile>* files,
                      std::vector<Split>* done) const {
    std::vector<FoundFile> out;
    const int64_t now_micros = options_.clock->Now().micros;
    for (FoundFile& file : *files) {
      file.is_archive = IsArchive(table, file);
      if (!file.is_archive) {
        out.push_back(std::move(file));
        continue;
      }
      auto members = MembersOf(table.files.place, file, table.patterns);
      if (!members.ok() && !io::IsNotFound(members.status()) && FaultOf(members.status()) != Fault::kBadData) {
        return Within("file " + file.path, members.status());
      }
      if (!members.ok()) {
        out.push_back(std::move(file));
        continue;
      }
      if (members->empty()) table.files.Note(file.path + " has no member that `path` takes");
      for (FoundFile& member : *members) {
        const auto at = known.find(member.path);
        if (at == known.end() || !IsLoaded(at->second, member.stamp)) out.push_back(std::move(member));
      }
      if (!options_.keeps_state) continue;
      const FilePosition position{.stamp = file.stamp,
                                  .content = table.patterns.Digest(),
                                  .fresh = now_micros - file.stamp.modified_micros < kFreshMicros,
                                  .mark = {}};
      done->push_back(StateSplit(file.path, ToPosition(position)));
    }
    *files = std::move(out);
    return Status::OK();
  }

  static Split StateSplit(const std::string& id, const Position& position) {
    return {.id = id, .json = Json{{"set", position.json}}.dump(), .resumability = Resumability::kStable};
  }

  void FetchAheadOf(TableFiles& files, std::vector<FoundFile> found) const {
    files.ahead.reset();
    std::erase_if(found, [&](const FoundFile& file) { return !IsReadWhole(files.place, file); });
    if (options_.fetch_threads == 0 || found.size() < 2) return;
    files.ahead = std::make_unique<FetchAhead>(
        files.place, *options_.clock, std::move(found),
        FetchAhead::Options{.threads = options_.fetch_threads, .bytes_max = options_.memory_bytes / kFetchShare});
  }

  static Json JsonOf(const Stamp& stamp) {
    Json json = {{"size", stamp.size}, {"modified", stamp.modified_micros}};
    if (!stamp.etag.empty()) json["etag"] = stamp.etag;
    return json;
  }
  static Stamp StampIn(const Json& json) {
    Stamp stamp{.size = json["size"].get<int64_t>(), .modified_micros = json["modified"].get<int64_t>(), .etag = {}};
    if (json.contains("etag")) stamp.etag = json["etag"].get<std::string>();
    return stamp;
  }

  static Json JsonOf(const InArchive& in) {
    Json json = JsonOf(in.stamp);
    json.update({{"path", in.path},
                 {"name", in.member.name},
                 {"offset", in.member.offset},
                 {"end_max", in.member.end_max},
                 {"packed", in.member.packed_bytes},
                 {"unpacked", in.member.size_bytes},
                 {"crc32", in.member.crc32},
                 {"method", in.member.method},
                 {"encrypted", in.member.is_encrypted}});
    return json;
  }
  static InArchive InArchiveOf(const Json& json) {
    return {.path = json["path"].get<std::string>(),
            .stamp = StampIn(json),
            .member = {.name = json["name"].get<std::string>(),
                       .offset = json["offset"].get<int64_t>(),
                       .end_max = json["end_max"].get<int64_t>(),
                       .packed_bytes = json["packed"].get<int64_t>(),
                       .size_bytes = json["unpacked"].get<int64_t>(),
                       .crc32 = json["crc32"].get<uint32_t>(),
                       .method = json["method"].get<uint16_t>(),
                       .is_encrypted = json["encrypted"].get<bool>()}};
  }

  static void NoteNothing(Table& table) {
    std::string patterns;
    for (const std::string& pattern : table.files.table.files.patterns) {
      patterns += (patterns.empty() ? "" : ", ") + pattern;
    }
    table.files.Note("no file matches " + patterns + " in " + table.files.place.location);
  }

  static Split SplitOf(const FoundFile& file, const KnownFiles& known) {
    Json json = JsonOf(file.stamp);
    if (file.in) json["in"] = JsonOf(*file.in);
    if (file.is_archive) json["archive"] = true;
    Split split{.id = file.path, .json = json.dump(), .resumability = Resumability::kStable};
    const auto at = known.find(file.path);
    if (at != known.end() && !file.is_archive) split.from = ToPosition(at->second);
    return split;
  }

  // Of files that are gone the state keeps what is needed to know their content again, and no more.
  static void AddGone(const KnownFiles& known, const std::vector<FoundFile>& found, const ReadRequest& request,
                      std::vector<Split>* splits) {
    const auto is_found = [&](const std::string& path) {
      const auto at = std::ranges::lower_bound(found, path, {}, &FoundFile::path);
      return at != found.end() && at->path == path;
    };
    const auto is_in_found = [&](const std::string& path) {
      for (size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        if (is_found(path.substr(0, slash))) return true;
      }
      return false;
    };
    std::vector<const std::pair<const std::string, FilePosition>*> gone;
    for (const auto& entry : known) {
      if (entry.second.content && !is_found(entry.first) && !is_in_found(entry.first)) gone.push_back(&entry);
    }
    if (gone.size() < kGoneMin) return;
    std::vector<Content> contents;
    for (const auto& [id, position] : request.state) {
      if (id == kGoneSplit) contents = ParseGone(position).ValueOr({});
    }
    for (const auto* entry : gone) contents.push_back({entry->second.stamp.size, *entry->second.content});
    if (contents.size() > kGoneMax) contents.erase(contents.begin(), contents.end() - kGoneMax);
    splits->push_back(StateSplit(kGoneSplit, ToPosition(contents)));
    for (const auto* entry : gone) splits->push_back(StateSplit(entry->first, Position()));
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
