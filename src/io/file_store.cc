#include "io/file_store.h"

#include <arrow/buffer.h>

#include <cerrno>
#include <cstring>

namespace firn::io {
namespace {

constexpr char kNotFoundCode[] = "E0801";
constexpr char kDiskFullCode[] = "E0802";

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool HasDotSegment(std::string_view path) {
  for (const std::string_view segment : {"/./", "/../"}) {
    if (path.find(segment) != std::string_view::npos) return true;
  }
  return path.ends_with("/.") || path.ends_with("/..");
}

struct ErrnoRule {
  int number;
  Fault fault;
  const char* next;
};
constexpr ErrnoRule kErrnoRules[] = {
    {EEXIST, Fault::kConflict, ""},
    {ENOENT, Fault::kConfig, ""},
    {EACCES, Fault::kConfig, "give this user access to the path, or choose another"},
    {EPERM, Fault::kConfig, "give this user access to the path, or choose another"},
    {EROFS, Fault::kConfig, "choose a path on a writable file system"},
    {ENOSPC, Fault::kConfig, "free disk space (df -h shows it), then the same command again"},
    {EDQUOT, Fault::kConfig, "raise the disk quota, then the same command again"},
    {EFBIG, Fault::kConfig, "the file system or a limit does not allow so large a file"},
    {ENAMETOOLONG, Fault::kConfig, "choose a shorter path"},
    {ENOTDIR, Fault::kConfig, "a part of the path is a file, not a folder"},
    {EISDIR, Fault::kConfig, "the path is a folder"},
    {ELOOP, Fault::kConfig, "the path has a loop of symbolic links"},
    {EINVAL, Fault::kConfig, "the file system does not allow this name or operation"},
    {EMFILE, Fault::kTransient, "raise the limit of open files (ulimit -n)"},
    {ENFILE, Fault::kTransient, "the machine has too many open files"},
};

}  // namespace

Result<std::string> PathOfLocation(std::string_view location) {
  const auto refuse = [&](const char* why) {
    return MakeError(Fault::kConfig, std::string(why) + ": \"" + std::string(location) + "\"");
  };
  std::string_view path = location;
  if (StartsWith(path, "file://localhost/")) {
    path.remove_prefix(std::strlen("file://localhost"));
  } else if (StartsWith(path, "file:///")) {
    path.remove_prefix(std::strlen("file://"));
  } else if (StartsWith(path, "file://")) {
    return refuse("a file location must not name a host");
  } else if (StartsWith(path, "file:/")) {
    path.remove_prefix(std::strlen("file:"));
  } else if (path.find("://") != std::string_view::npos) {
    return refuse("not a local location (a path or file:///…)");
  }
  if (path.empty() || path[0] != '/') return refuse("a location must be absolute");
  if (path.find('\0') != std::string_view::npos) return refuse("a location must not contain NUL");
  if (HasDotSegment(path)) return refuse("a location must not contain . or .. segments");
  return std::string(path);
}

Result<std::string> FileUri(std::string_view path) {
  const auto refuse = [&](const std::string& why) {
    return MakeError(Fault::kConfig, why + ": \"" + std::string(path) + "\"", {.next = "choose another path"});
  };
  if (path.empty() || path[0] != '/') return refuse("a lake path must be absolute");
  if (HasDotSegment(path) || path.find("//") != std::string_view::npos) {
    return refuse("a lake path must not contain //, . or .. segments");
  }
  for (const char c : path) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
    if (control) return refuse("a lake path must not contain control characters");
    if (std::string_view("?#%*[]{}\\").find(c) != std::string_view::npos) {
      return refuse(std::string("other readers of the lake would misread the character '") + c + "' in a path");
    }
  }
  return "file://" + std::string(path);
}

Result<std::string> FileStore::ReadText(const std::string& location, int64_t bytes_max) {
  ARROW_ASSIGN_OR_RAISE(const auto buffer, Read(location, bytes_max));
  return buffer->ToString();
}

Result<LockPlace> FileStore::LockOf(const std::string& location) {
  ARROW_ASSIGN_OR_RAISE(std::string path, PathOfLocation(location));
  return LockPlace{.path = std::move(path), .scope = ""};
}

bool IsNotFound(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context != nullptr && context->code == kNotFoundCode;
}

Status FileError(std::string_view what, std::string_view path, int error_number) {
  char text[128];
  const char* reason = ::strerror_r(error_number, text, sizeof text);
  std::string message = std::string(what) + " " + std::string(path) + ": " + reason;
  ErrorContext context{.why = reason};
  if (error_number == ENOENT) context.code = kNotFoundCode;
  if (error_number == ENOSPC || error_number == EDQUOT) {
    context.code = kDiskFullCode;
    context.state = "nothing was lost: what was committed stays, what was not is read again";
  }
  for (const ErrnoRule& rule : kErrnoRules) {
    if (rule.number != error_number) continue;
    context.next = rule.next;
    return MakeError(rule.fault, std::move(message), std::move(context));
  }
  return MakeError(Fault::kTransient, std::move(message), std::move(context));
}

std::string FolderOf(std::string_view location) {
  while (location.size() > 1 && location.back() == '/') location.remove_suffix(1);
  const size_t slash = location.rfind('/');
  if (slash == std::string_view::npos) return "";
  if (slash == 0 || location[slash - 1] == '/') return std::string(location.substr(0, slash + 1));  // the root
  return std::string(location.substr(0, slash));
}

}  // namespace firn::io
