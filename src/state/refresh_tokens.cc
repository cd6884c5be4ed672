#include "state/refresh_tokens.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "base/failpoint.h"
#include "base/redactor.h"
#include "io/file_store.h"

namespace firn::state {
namespace {

constexpr size_t kTokenBytesMax = 64 << 10;
constexpr std::chrono::milliseconds kLockPoll{20};
constexpr std::chrono::milliseconds kLeasePoll{500};  // each asks the store

class File {
 public:
  File(const std::string& path, int flags, mode_t mode) : file_(::open(path.c_str(), flags | O_CLOEXEC, mode)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (file_ >= 0) ::close(file_);
  }
  int get() const { return file_; }

 private:
  const int file_;
};

Status Write(const std::string& path, const std::string& text) {
  const File file(path, O_WRONLY | O_CREAT | O_TRUNC, S_IRUSR | S_IWUSR);
  if (file.get() < 0) return io::FileError("create", path, errno);
  if (::fchmod(file.get(), S_IRUSR | S_IWUSR) != 0) return io::FileError("protect", path, errno);
  const auto size = static_cast<ssize_t>(text.size());
  if (::write(file.get(), text.data(), text.size()) != size) return io::FileError("write", path, errno);
  return ::fsync(file.get()) == 0 ? Status::OK() : io::FileError("sync", path, errno);
}

}  // namespace

Status RefreshTokens::MakeFolder() const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (!error) std::filesystem::permissions(folder_, std::filesystem::perms::owner_all, error);
  if (!error) return Status::OK();
  return MakeError(Fault::kConfig, "the folder for secrets cannot be made: " + folder_ + ": " + error.message());
}

Result<RefreshTokens::Lock> RefreshTokens::Take(const std::string& name, std::chrono::milliseconds wait_max,
                                                std::stop_token stop) const {
  ARROW_RETURN_NOT_OK(MakeFolder());
  const auto deadline = clock_.Steady() + wait_max;
  const auto patiently = [&](auto acquire, std::chrono::milliseconds poll) -> decltype(acquire()) {
    for (;;) {
      auto lock = acquire();
      if (lock.ok() || FaultOf(lock.status()) != Fault::kBusy || clock_.Steady() >= deadline) return lock;
      ARROW_RETURN_NOT_OK(clock_.Sleep(poll, stop));
    }
  };
  ARROW_ASSIGN_OR_RAISE(auto here,
                        patiently([&] { return io::ProcessLock::Acquire(folder_ + "/" + name + ".lock"); }, kLockPoll));
  Lock lock{.here = std::move(here), .everywhere = nullptr};
  if (elsewhere_ == nullptr || leases_ == nullptr) return lock;
  ARROW_ASSIGN_OR_RAISE(lock.everywhere, patiently([&] { return leases_->Acquire("secret-" + name, ""); }, kLeasePoll));
  return lock;
}

Result<std::optional<std::string>> RefreshTokens::Load(const std::string& name, const std::string& configured) const {
  if (elsewhere_ == nullptr) return LoadHere(name);
  ARROW_ASSIGN_OR_RAISE(auto token, elsewhere_->Load(name, configured));
  if (token) ProcessRedactor().AddSecret(*token);
  return token;
}

Status RefreshTokens::Keep(const std::string& name, const std::string& configured, const std::string& token) const {
  if (token.size() >= kTokenBytesMax) return MakeError(Fault::kBadData, "a refresh token of more than 64 KiB");
  if (elsewhere_ == nullptr) return KeepHere(name, token);
  FIRN_FAILPOINT("state.refresh_token_written");
  ARROW_RETURN_NOT_OK(elsewhere_->Keep(name, configured, token));
  FIRN_FAILPOINT("state.refresh_token_kept");
  return Status::OK();
}

Result<std::optional<std::string>> RefreshTokens::LoadHere(const std::string& name) const {
  const std::string path = PathOf(name);
  const File file(path, O_RDONLY, 0);
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return io::FileError("open", path, errno);
  }
  std::string text(kTokenBytesMax, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return io::FileError("read", path, errno);
  text.resize(static_cast<size_t>(size));
  while (text.ends_with('\n')) text.pop_back();
  if (text.empty()) return std::nullopt;
  ProcessRedactor().AddSecret(text);
  return text;
}

Status RefreshTokens::KeepHere(const std::string& name, const std::string& token) const {
  ARROW_RETURN_NOT_OK(MakeFolder());
  const std::string path = PathOf(name);
  ARROW_RETURN_NOT_OK(Write(path + ".new", token + "\n"));
  FIRN_FAILPOINT("state.refresh_token_written");
  if (::rename((path + ".new").c_str(), path.c_str()) != 0) return io::FileError("replace", path, errno);
  const File folder(folder_, O_RDONLY | O_DIRECTORY, 0);
  if (folder.get() < 0 || ::fsync(folder.get()) != 0) return io::FileError("sync", folder_, errno);
  FIRN_FAILPOINT("state.refresh_token_kept");
  return Status::OK();
}

}  // namespace firn::state
