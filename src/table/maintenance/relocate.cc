#include "table/maintenance/relocate.h"

#include <arrow/buffer.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/hash.h"
#include "io/file_store.h"
#include "table/commit/stream_token.h"
#include "table/maintenance/reachable_files.h"
#include "table/maintenance/relocated_manifest.h"
#include "table/metadata/metadata.h"
#include "table/metadata/metadata_json.h"

namespace firn::table {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMissingShown = 3;

bool IsAtOrBelow(std::string_view location, std::string_view folder) {
  return location.starts_with(folder) && (location.size() == folder.size() || location[folder.size()] == '/');
}

std::string HashOf(const Relocation& relocation) {
  return Xxh3(relocation.from + "\n" + relocation.to).Hex().substr(0, 8);
}

class Relocator {
 public:
  Relocator(io::FileStore& files, const Clock& clock, const Relocation& relocation, bool dry_run, std::stop_token stop)
      : files_(files),
        clock_(clock),
        relocation_(relocation),
        dry_run_(dry_run),
        stop_(std::move(stop)),
        mark_("-at-" + HashOf(relocation)) {}

  Result<RelocateReport> Run(const std::string& metadata_location) {
    const std::string present = relocation_.Moved(metadata_location);
    ARROW_ASSIGN_OR_RAISE(const std::string text, ReadAt(present));
    ARROW_ASSIGN_OR_RAISE(const TableMetadata checked, ParseMetadata(text));
    Json metadata = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (!metadata.is_object()) return MakeError(Fault::kBadData, present + ": compressed metadata is not relocated");
    report_.metadata_location = present;
    for (const bool deletes : {true, false}) {  // manifests give the sizes of delete files
      for (Json& snapshot : metadata["snapshots"]) {
        if (!snapshot.contains("manifest-list")) {
          return MakeError(Fault::kConfig, "a snapshot of format version 1 without a manifest list",
                           {.code = "E0960", .state = "nothing was changed"});
        }
        ARROW_RETURN_NOT_OK(deletes ? MoveDeletesOf(snapshot) : MoveSnapshot(snapshot));
      }
    }
    std::set<std::string> beside;  // statistics, and states that are files of their own
    ARROW_RETURN_NOT_OK(AddFilesBeside(checked, &beside));
    for (const std::string& location : beside) {
      if (relocation_.Covers(location)) named_.insert(relocation_.Moved(location));
    }
    ARROW_RETURN_NOT_OK(CheckThere(relocation_.Moved(checked.location)));
    MoveTexts(metadata);
    if (dry_run_) return report_;
    return Write(std::move(metadata), metadata_location, checked);
  }

 private:
  Result<std::string> ReadAt(const std::string& present) {
    if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
    auto bytes = files_.Read(present);
    if (bytes.ok()) return (*bytes)->ToString();
    if (!io::IsNotFound(bytes.status())) return bytes.status();
    return NotThere("the file is not at its new place: " + present);
  }

  static Status NotThere(const std::string& what) {
    return MakeError(Fault::kConfig, what,
                     {.code = "E0960",
                      .why = "a table is relocated when all of its files have been moved",
                      .state = "the catalog is as it was",
                      .next = "move or copy the rest, or name the places: firn lake relocate --from OLD --to NEW"});
  }

  std::string Renamed(const std::string& present) const {
    const size_t dot = present.rfind('.');
    const size_t slash = present.rfind('/');
    const size_t at = dot == std::string::npos || dot < slash ? present.size() : dot;
    return present.substr(0, at) + mark_ + present.substr(at);
  }

  // Writes what `change` makes of a file beside it, under a name that the same move always gives.
  template <typename Change>
  Result<MovedFile> Move(const std::string& location, int64_t* count, Change change) {
    const auto known = moved_.find(location);
    if (known != moved_.end()) return known->second;
    const std::string present = relocation_.Moved(location);
    MovedFile moved{.location = Renamed(present)};
    ++*count;
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadAt(present));
    const Result<std::string> changed = change(bytes);
    if (!changed.ok()) return Within(present, changed.status());
    moved.size_bytes = static_cast<int64_t>(changed->size());
    const auto there = files_.Size(moved.location);
    const bool whole = there.ok() && *there == moved.size_bytes;  // of a call that was cut off
    if (!dry_run_ && !whole) {
      FIRN_FAILPOINT("relocate.before_file");
      ARROW_RETURN_NOT_OK(files_.WriteAtomic(moved.location, *changed));
    }
    return moved_[location] = std::move(moved);
  }

  Status MoveDeletesOf(const Json& snapshot) {
    ARROW_ASSIGN_OR_RAISE(const std::string list,
                          ReadAt(relocation_.Moved(snapshot["manifest-list"].get<std::string>())));
    return RelocatedManifestList(list,
                                 [&](const std::string& manifest, int64_t) -> Result<MovedFile> {
                                   if (!looked_at_.insert(manifest).second) return MovedFile();
                                   ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadAt(relocation_.Moved(manifest)));
                                   const auto move = [&](const std::string& deletes) { return MoveDeletes(deletes); };
                                   return WithPlace(manifest, EachDeleteFile(bytes, move));
                                 })
        .status();
  }

  static Result<MovedFile> WithPlace(const std::string& place, const Status& status) {
    if (!status.ok()) return Within(place, status);
    return MovedFile();
  }

  Status MoveSnapshot(Json& snapshot) {
    SizeChange change;
    const int64_t id = snapshot["snapshot-id"].get<int64_t>();
    const auto move_manifest = [&](const std::string& manifest, int64_t added_by) -> Result<MovedFile> {
      ARROW_ASSIGN_OR_RAISE(auto moved, MoveManifest(manifest));
      const SizeChange& of = size_changes_[manifest];
      change.live += of.live;
      if (added_by == id) change.added += of.added;
      if (added_by == id) change.removed += of.removed;
      return moved;
    };
    ARROW_ASSIGN_OR_RAISE(const MovedFile list,
                          Move(snapshot["manifest-list"].get<std::string>(), &report_.manifest_lists,
                               [&](const std::string& bytes) { return RelocatedManifestList(bytes, move_manifest); }));
    snapshot["manifest-list"] = list.location;
    ++report_.snapshots;
    Enlarge(snapshot, "total-files-size", change.live);
    Enlarge(snapshot, "added-files-size", change.added);
    Enlarge(snapshot, "removed-files-size", change.removed);
    return Status::OK();
  }

  // Delete files are written anew, so that they have other sizes.
  static void Enlarge(Json& snapshot, const char* key, int64_t by) {
    if (by == 0 || !snapshot.contains("summary") || !snapshot["summary"].contains(key)) return;
    Json& value = snapshot["summary"][key];
    if (!value.is_string()) return;
    const auto& text = value.get_ref<const std::string&>();
    int64_t size = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), size);
    if (parsed.ec == std::errc()) value = std::to_string(size + by);
  }

  Result<MovedFile> MoveManifest(const std::string& location) {
    const auto find = [&](const std::string& deletes) -> const MovedFile* {
      const auto moved = moved_.find(deletes);
      return moved == moved_.end() ? nullptr : &moved->second;
    };
    return Move(location, &report_.manifests, [&](const std::string& bytes) {
      return RelocatedManifest(bytes, relocation_, find, &size_changes_[location], &named_);
    });
  }

  Result<MovedFile> MoveDeletes(const std::string& location) {
    return Move(location, &report_.delete_files, [&](const std::string& bytes) {
      return bytes.starts_with("PFA1") ? RelocatedPuffin(bytes, relocation_)
                                       : RelocatedPositionDeletes(bytes, relocation_);
    });
  }

  // The files named must be there: half of a copy would be found out by readers only. Folders are listed, the table's
  // first, and those of files that lie elsewhere, each once.
  Status CheckThere(std::string folder) {
    for (;;) {
      if (stop_.stop_requested()) return MakeError(Fault::kCancelled, "stopped");
      ARROW_ASSIGN_OR_RAISE(const auto listed, files_.List(folder));
      for (const io::FileInfo& file : listed) named_.erase(file.location);
      const std::string below = folder + "/";
      std::vector<std::string> missing;
      const auto from = named_.lower_bound(below);
      for (auto at = from; at != named_.end() && at->starts_with(below); ++at) missing.push_back(*at);
      if (!missing.empty()) return Missing(missing);
      if (named_.empty()) return Status::OK();
      folder = io::FolderOf(*named_.begin());
    }
  }

  static Status Missing(const std::vector<std::string>& missing) {
    std::string text =
        std::to_string(missing.size()) + (missing.size() == 1 ? " file is" : " files are") + " not at the new place: ";
    for (size_t i = 0; i < std::min(missing.size(), kMissingShown); ++i) text += (i == 0 ? "" : ", ") + missing[i];
    if (missing.size() > kMissingShown) text += ", …";
    return NotThere(text);
  }

  // All texts of the metadata that are locations; those inside of tokens, too.
  void MoveTexts(Json& value) const {
    if (value.is_string()) {
      const auto& text = value.get_ref<const std::string&>();
      if (relocation_.Covers(text)) value = relocation_.Moved(text);
      return;
    }
    if (!value.is_structured()) return;
    for (auto item = value.begin(); item != value.end(); ++item) {
      const bool token = value.is_object() && item.key().starts_with(kStreamKeyPrefix) && item->is_string();
      if (!token) {
        MoveTexts(*item);
        continue;
      }
      Json inner = Json::parse(item->get_ref<const std::string&>(), nullptr, /*allow_exceptions=*/false);
      if (inner.is_discarded()) continue;
      MoveTexts(inner);
      *item = inner.dump();
    }
  }

  Result<RelocateReport> Write(Json metadata, const std::string& before, const TableMetadata& checked) {
    const std::string present = relocation_.Moved(before);
    metadata["properties"][kRelocatedProperty] = HashOf(relocation_);
    metadata["metadata-log"].push_back({{"timestamp-ms", checked.last_updated_ms}, {"metadata-file", present}});
    metadata["last-updated-ms"] = std::max(checked.last_updated_ms, clock_.Now().micros / 1000);
    const std::string text = metadata.dump();
    const auto parsed = ParseMetadata(text);
    if (!parsed.ok()) return Within("metadata with the new paths", parsed.status());
    const size_t slash = present.rfind('/') + 1;
    int64_t version = 0;
    std::from_chars(present.data() + slash, present.data() + present.size(), version);
    char number[24];
    std::snprintf(number, sizeof number, "%05lld", static_cast<long long>(version) + 1);
    report_.metadata_location = present.substr(0, slash) + number + "-" + NewUuid() + ".metadata.json";
    FIRN_FAILPOINT("relocate.before_metadata");
    ARROW_RETURN_NOT_OK(files_.WriteAtomic(report_.metadata_location, text));
    return report_;
  }

  io::FileStore& files_;
  const Clock& clock_;
  const Relocation& relocation_;
  const bool dry_run_;
  const std::stop_token stop_;
  const std::string mark_;
  std::map<std::string, MovedFile> moved_;          // by their former location
  std::map<std::string, SizeChange> size_changes_;  // of manifests
  std::set<std::string> looked_at_;                 // manifests, for delete files
  std::set<std::string> named_;                     // files that are where they are: their new places
  RelocateReport report_;
};

}  // namespace

bool Relocation::Covers(std::string_view location) const {
  if (!IsAtOrBelow(location, from)) return false;
  return !(IsAtOrBelow(to, from) && IsAtOrBelow(location, to));
}

std::string Relocation::Moved(std::string_view location) const {
  if (!Covers(location)) return std::string(location);
  return to + std::string(location.substr(from.size()));
}

Result<RelocateReport> RelocateTable(io::FileStore& files, const Clock& clock, const std::string& metadata_location,
                                     const Relocation& relocation, bool dry_run, std::stop_token stop) {
  return Relocator(files, clock, relocation, dry_run, std::move(stop)).Run(metadata_location);
}

}  // namespace firn::table
