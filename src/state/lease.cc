#include "state/lease.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/log.h"
#include "io/file_store.h"
#include "state/documents.h"

namespace firn::state {
namespace {

struct Paths {
  std::string lock;
  std::string holder;
};

Paths PathsOf(const std::string& folder, std::string_view name) {
  const std::string base = folder + "/" + DocumentName(name);
  return {.lock = base + ".lock", .holder = base + ".holder"};
}

std::optional<LeaseHolder> ReadHolder(const std::string& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return std::nullopt;
  const auto pid = json.find("process_id");
  const auto since = json.find("since");
  const auto run = json.find("run_id");
  if (pid == json.end() || !pid->is_number_integer() || since == json.end() || !since->is_string()) return std::nullopt;
  const auto time = ParseTimestamp(since->get<std::string>());
  if (!time.ok()) return std::nullopt;
  return LeaseHolder{.process_id = pid->get<int64_t>(),
                     .run_id = run != json.end() && run->is_string() ? run->get<std::string>() : "",
                     .since = *time,
                     .host = "",
                     .expires = {}};
}

// Only for people: written after the lock is held, replaced at once, not synced.
Status WriteHolder(const std::string& path, const LeaseHolder& holder) {
  const nlohmann::json json = {
      {"process_id", holder.process_id}, {"run_id", holder.run_id}, {"since", FormatTimestamp(holder.since)}};
  const std::string temporary = path + ".new";
  {
    std::ofstream file(temporary, std::ios::trunc);
    file << json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
    if (!file.flush()) return io::FileError("write", temporary, errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return io::FileError("rename", temporary, errno);
  return Status::OK();
}

// Asking the kernel's list takes no lock; trying the lock would make a run that starts at that moment fail.
// Lines: "1: FLOCK  ADVISORY  WRITE 2371 fe:01:525 0 EOF" (proc(5), /proc/locks).
bool IsLocked(const struct stat& info) {
  std::ifstream locks("/proc/locks");
  const std::string wanted = ":" + std::to_string(info.st_ino) + " ";
  std::string line;
  while (std::getline(locks, line)) {
    if (line.find("FLOCK") != std::string::npos && line.find(wanted) != std::string::npos) return true;
  }
  return false;
}

Status Busy(std::string_view name, const std::optional<LeaseHolder>& holder, const Status& cause) {
  std::string what = "another run of " + std::string(name) + " is under way";
  if (holder) {
    what += ": process " + std::to_string(holder->process_id) + ", since " + FormatTimestamp(holder->since);
  }
  return MakeError(Fault::kBusy, std::move(what),
                   {.code = "E0752",
                    .why = holder && !holder->run_id.empty() ? "run " + holder->run_id : cause.message(),
                    .state = "nothing was started",
                    .next = "firn status; wait for it to end, or stop it with a signal: it ends at a clean commit"});
}

}  // namespace

Result<Lease> Lease::Acquire(const Clock& clock, const std::string& folder, std::string_view name,
                             std::string_view run_id) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return io::FileError("create folder", folder, error.value());
  const Paths paths = PathsOf(folder, name);
  auto lock = io::ProcessLock::Acquire(paths.lock);
  if (!lock.ok()) {
    if (FaultOf(lock.status()) != Fault::kBusy) return lock.status();
    return Busy(name, ReadHolder(paths.holder), lock.status());
  }
  FIRN_FAILPOINT("state.lease.locked");
  const Status written = WriteHolder(
      paths.holder,
      {.process_id = ::getpid(), .run_id = std::string(run_id), .since = clock.Now(), .host = "", .expires = {}});
  // The lease holds without it, so that a full disk does not prevent a run.
  if (!written.ok()) log::Warn("lease without holder file", {{"reason", written.message()}});
  return Lease(std::move(*lock));
}

Result<std::optional<LeaseHolder>> FindHolder(const std::string& folder, std::string_view name) {
  const Paths paths = PathsOf(folder, name);
  struct stat info{};
  if (::stat(paths.lock.c_str(), &info) != 0) {
    if (errno == ENOENT) return std::nullopt;
    return io::FileError("open", paths.lock, errno);
  }
  if (!IsLocked(info)) return std::nullopt;
  return ReadHolder(paths.holder).value_or(LeaseHolder{});
}

}  // namespace firn::state
