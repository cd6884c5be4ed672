#include "io/s3_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <vector>

#include "base/log.h"
#include "io/object_error.h"

namespace firn::io {
namespace {

constexpr char kFileName[] = "libfirn_s3.so";

std::vector<std::string> Candidates() {
  std::vector<std::string> paths;
  std::error_code error;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto folder = executable.parent_path();
    for (const auto& path : {folder.parent_path() / "lib" / kFileName, folder / kFileName}) {
      if (std::filesystem::exists(path, error)) paths.push_back(path.string());
    }
  }
  paths.push_back(kFileName);
  return paths;
}

// The handle is never closed: the SDK keeps threads and thread-local state.
Result<const S3Module*> Load() {
  std::string why;
  for (const std::string& path : Candidates()) {
    void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
      why += (why.empty() ? "" : "; ") + std::string(dlerror());
      continue;
    }
    const auto module = reinterpret_cast<decltype(&firn_s3_module)>(dlsym(handle, "firn_s3_module"));
    if (module != nullptr) return module();
    why += path + " is not of this build";
  }
  return MakeError(Fault::kConfig, "the S3 library (libfirn_s3.so) cannot be loaded",
                   {.code = "E0871",
                    .why = why,
                    .state = "nothing was changed; lakes on local disks work without it",
                    .next = "keep lib/libfirn_s3.so beside bin/firn as it was unpacked"});
}

}  // namespace

S3Library::~S3Library() {
  MutexLock lock(mutex_);
  if (module_ == nullptr) return;
  const Status stopped = module_->stop();
  if (!stopped.ok()) log::Warn("S3 library did not stop cleanly", {{"reason", stopped.message()}});
}

Result<const S3Module*> S3Library::Started() {
  MutexLock lock(mutex_);
  if (module_ != nullptr) return module_;
  ARROW_ASSIGN_OR_RAISE(const S3Module* module, Load());
  ARROW_RETURN_NOT_OK(module->start());
  module_ = module;
  return module;
}

Result<S3Connection> S3Library::Connect(const S3ConnectOptions& options) {
  ARROW_ASSIGN_OR_RAISE(const S3Module* module, Started());
  auto connection = module->connect(options);
  if (!connection.ok()) return ObjectError("connect to", "s3://" + options.bucket, connection.status());
  return connection;
}

Result<std::function<S3Keys()>> S3Library::Keys(const ObjectStoreSettings& settings) {
  ARROW_ASSIGN_OR_RAISE(const S3Module* module, Started());
  return module->keys(settings);
}

}  // namespace firn::io
