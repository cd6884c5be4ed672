#include "query/duckdb_library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

namespace firn::query {
namespace {

constexpr char kFileName[] = "libduckdb.so";

std::vector<std::string> Candidates() {
  if (const char* named = std::getenv("FIRN_DUCKDB_LIBRARY"); named != nullptr && *named != '\0') return {named};
  std::vector<std::string> paths;
  std::error_code error;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto folder = executable.parent_path();
    for (const auto& path : {folder.parent_path() / "lib" / kFileName, folder / kFileName}) {
      if (std::filesystem::exists(path, error)) paths.push_back(path.string());
    }
  }
  paths.push_back(kFileName);  // by the run path of the executable, then the system's
#ifdef FIRN_DUCKDB_BUILD_PATH
  paths.push_back(FIRN_DUCKDB_BUILD_PATH);
#endif
  return paths;
}

Status NotFound(const std::string& why) {
  return MakeError(Fault::kConfig, "the SQL engine (libduckdb.so) cannot be loaded",
                   {.code = "E0701",
                    .why = why,
                    .state = "nothing was changed; all commands but those that query work without it",
                    .next = "keep lib/libduckdb.so beside bin/firn as it was unpacked, or set FIRN_DUCKDB_LIBRARY"});
}

// The handle is never closed: DuckDB's threads and results may outlive any owner we could name.
Result<DuckdbLibrary> Load() {
  std::string why;
  for (const std::string& path : Candidates()) {
    void* handle = dlopen(path.c_str(), RTLD_LAZY | RTLD_LOCAL);
    if (handle == nullptr) {
      why += (why.empty() ? "" : "; ") + std::string(dlerror());
      continue;
    }
    DuckdbLibrary library;
#define FIRN_DUCKDB_FIND(name)                                                             \
  library.name = reinterpret_cast<decltype(library.name)>(dlsym(handle, "duckdb_" #name)); \
  if (library.name == nullptr) return NotFound(path + " has no function duckdb_" #name);
    FIRN_DUCKDB_FUNCTIONS(FIRN_DUCKDB_FIND)
#undef FIRN_DUCKDB_FIND
    return library;
  }
  return NotFound(why);
}

}  // namespace

Result<const DuckdbLibrary*> LoadDuckdb() {
  static const Result<DuckdbLibrary> loaded = Load();
  ARROW_RETURN_NOT_OK(loaded.status());
  return &*loaded;
}

}  // namespace firn::query
