#include "source/files/file_list.h"

#include <arrow/io/interfaces.h>
#include <arrow/util/key_value_metadata.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <set>
#include <utility>

#include "io/file_store.h"
#include "io/http_file_store.h"
#include "io/object_location.h"
#include "io/url.h"

namespace firn::source::files {
namespace {

Status NoPlace(const std::string& location, int error_number) {
  return MakeError(
      Fault::kConfig, "there are no files to read: " + io::FileError("open", location, error_number).message(),
      {.code = "E0880", .state = "nothing was read", .next = "check `location:` of the source; firn doctor"});
}

Status NoFileBehind(const std::string& url) {
  return MakeError(Fault::kConfig, "there is no file behind " + io::RedactUrl(url),
                   {.code = "E0985",
                    .why = "the server answers 404 or 410",
                    .state = "nothing was read",
                    .next = "check `location:` of the source and `path:` of the table"});
}

Status CheckFolder(const std::string& location) {
  struct stat info;
  if (::stat(location.c_str(), &info) != 0) return NoPlace(location, errno);
  if (!S_ISDIR(info.st_mode)) return NoPlace(location, ENOTDIR);
  return ::access(location.c_str(), R_OK | X_OK) == 0 ? Status::OK() : NoPlace(location, errno);
}

Stamp LocalStamp(const struct stat& info) {
  return {.size = info.st_size,
          .modified_micros = info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1'000,
          .etag = {}};
}

Result<std::optional<Stamp>> ObjectStamp(const FilePlace& place, const std::string& path) {
  const auto opened = place.store->OpenInput(place.LocationOf(path));
  if (!opened.ok()) {
    return io::IsNotFound(opened.status()) ? Result<std::optional<Stamp>>(std::nullopt) : opened.status();
  }
  ARROW_ASSIGN_OR_RAISE(Stamp stamp, StampOf(**opened));
  return stamp;
}

}  // namespace

bool FilePlace::is_local() const {
  return !io::IsObjectLocation(location) && !is_web();
}

bool FilePlace::is_web() const {
  return io::IsHttpLocation(location);
}

// Servers tell the time of a change in seconds at best; their tag tells the content.
Result<Stamp> StampOf(arrow::io::RandomAccessFile& opened) {
  Stamp stamp;
  ARROW_ASSIGN_OR_RAISE(stamp.size, opened.GetSize());
  ARROW_ASSIGN_OR_RAISE(const auto metadata, opened.ReadMetadata());
  if (metadata == nullptr) return stamp;
  stamp.etag = metadata->Get("ETag").ValueOr("");
  const auto modified = io::ParseHttpDate(metadata->Get("Last-Modified").ValueOr(""));
  if (modified) stamp.modified_micros = modified->micros;
  return stamp;
}

Result<std::optional<Stamp>> StampNow(const FilePlace& place, const std::string& path) {
  if (!place.is_local()) return ObjectStamp(place, path);
  struct stat info;
  if (::stat(place.LocationOf(path).c_str(), &info) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    return io::FileError("look at", place.LocationOf(path), errno);
  }
  if (!S_ISREG(info.st_mode)) return std::nullopt;
  return LocalStamp(info);
}

bool IsAsListed(const FilePlace& place, const Stamp& listed, const Stamp& now) {
  return now.size == listed.size && (!place.is_local() || now.modified_micros == listed.modified_micros);
}

Result<std::vector<FoundFile>> FindFiles(const FilePlace& place, const std::vector<Glob>& globs) {
  if (place.is_local()) ARROW_RETURN_NOT_OK(CheckFolder(place.location));
  std::vector<FoundFile> found;
  std::set<std::string> folders;
  for (const Glob& glob : globs) {
    if (glob.literal().empty() || (!place.is_local() && !place.is_web())) {
      folders.insert(glob.folder());
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(const auto stamp, StampNow(place, glob.literal()));
    if (!stamp && place.is_web()) return NoFileBehind(place.LocationOf(glob.literal()));
    if (stamp) found.push_back({.path = glob.literal(), .stamp = *stamp, .in = {}});
  }
  for (const std::string& folder : folders) {
    // Below another one of them.
    const bool covered = std::ranges::any_of(folders, [&](const std::string& other) {
      return other != folder && (other.empty() || folder.starts_with(other + "/"));
    });
    if (covered) continue;
    ARROW_ASSIGN_OR_RAISE(const auto listed,
                          place.store->List(folder.empty() ? place.location : place.LocationOf(folder), kFilesMax));
    for (const io::FileInfo& info : listed) {
      std::string path = info.location.substr(std::min(place.location.size() + 1, info.location.size()));
      if (std::ranges::none_of(globs, [&](const Glob& glob) { return glob.Matches(path); })) continue;
      const Stamp stamp{.size = info.size_bytes, .modified_micros = info.modified_micros, .etag = {}};
      found.push_back({.path = std::move(path), .stamp = stamp, .in = {}});
    }
  }
  std::ranges::sort(found, {}, &FoundFile::path);
  const auto twice = std::ranges::unique(found, {}, &FoundFile::path);
  found.erase(twice.begin(), twice.end());
  return found;
}

Result<std::vector<std::string>> WaitUntilSettled(const FilePlace& place, int64_t settle_ms, const Clock& clock,
                                                  std::vector<FoundFile>* files, std::stop_token stop) {
  std::vector<std::string> moving;
  if (!place.is_local() || settle_ms == 0) return moving;
  const int64_t settle_micros = settle_ms * 1'000;
  const int64_t now = clock.Now().micros;
  // Of a clock that is ahead nothing can be told: such files count as changed just now.
  const auto is_young = [&](const FoundFile& file) { return now - file.stamp.modified_micros < settle_micros; };
  int64_t wait_micros = 0;
  for (const FoundFile& file : *files) {
    if (!is_young(file)) continue;
    const int64_t age = std::max<int64_t>(0, now - file.stamp.modified_micros);
    wait_micros = std::max(wait_micros, settle_micros - age);
  }
  if (wait_micros == 0) return moving;
  ARROW_RETURN_NOT_OK(clock.Sleep(std::chrono::milliseconds(wait_micros / 1'000 + 1), stop));
  for (const FoundFile& file : *files) {
    if (!is_young(file)) continue;
    ARROW_ASSIGN_OR_RAISE(const auto stamp, StampNow(place, file.path));
    if (stamp != file.stamp) moving.push_back(file.path);
  }
  std::erase_if(*files, [&](const FoundFile& file) { return std::ranges::binary_search(moving, file.path); });
  return moving;
}

Result<std::vector<FoundFile>> MembersOf(const FilePlace& place, const FoundFile& archive,
                                         const FilePatterns& patterns) {
  ARROW_ASSIGN_OR_RAISE(const auto input, place.store->OpenInput(place.LocationOf(archive.path)));
  ARROW_ASSIGN_OR_RAISE(std::vector<io::ZipMember> members, io::ReadZipDirectory(*input));
  std::vector<FoundFile> found;
  for (io::ZipMember& member : members) {
    if (!patterns.Takes(archive.path, member.name)) continue;
    char checksum[16];  // tells a member of an archive that was packed anew from another one of its size
    std::snprintf(checksum, sizeof checksum, "crc-%08x", member.crc32);
    const Stamp stamp{.size = member.size_bytes, .modified_micros = archive.stamp.modified_micros, .etag = checksum};
    std::string path = archive.path + "/" + member.name;
    found.push_back(
        {.path = std::move(path), .stamp = stamp, .in = InArchive{archive.path, archive.stamp, std::move(member)}});
  }
  std::ranges::sort(found, {}, &FoundFile::path);
  return found;
}

}  // namespace firn::source::files
