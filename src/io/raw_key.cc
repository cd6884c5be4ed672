#include "io/raw_key.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/failpoint.h"
#include "base/hash.h"
#include "base/random.h"
#include "io/file_store.h"

namespace firn::io {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kFileBytesMax = 4096;

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool ParseHex(std::string_view text, uint8_t* out) {
  if (text.size() != 2 * kKeyBytes) return false;
  for (size_t i = 0; i < kKeyBytes; ++i) {
    const int high = HexDigit(text[2 * i]);
    const int low = HexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<uint8_t>(high * 16 + low);
  }
  return true;
}

// 32 bytes are 43 characters and one of padding.
bool ParseBase64(std::string_view text, uint8_t* out) {
  std::string padded(text);
  if (padded.size() == 43) padded += '=';
  if (padded.size() != 44 || padded[43] != '=' || padded[42] == '=') return false;
  std::array<uint8_t, 33> decoded{};
  const int size = EVP_DecodeBlock(decoded.data(), reinterpret_cast<const uint8_t*>(padded.data()), 44);
  if (size == 33) std::memcpy(out, decoded.data(), kKeyBytes);
  OPENSSL_cleanse(decoded.data(), decoded.size());
  OPENSSL_cleanse(padded.data(), padded.size());
  return size == 33;
}

std::string IdOf(const RawKey& key) {
  std::string text = "firn raw archive key id\n";
  text.append(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
  std::string id = Sha256Hex(text).substr(0, 16);
  OPENSSL_cleanse(text.data(), text.size());
  return id;
}

// Owner of a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status SyncFolderOf(const std::string& path) {
  const std::string folder = FolderOf(path);
  const Descriptor handle(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (handle.get() < 0 || ::fsync(handle.get()) != 0) return FileError("sync", folder, errno);
  return Status::OK();
}

Status WriteKey(const std::string& path, std::string_view text) {
  const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (file.get() < 0) return FileError("create", path, errno);
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return FileError("write", path, written < 0 ? errno : ENOSPC);
    text.remove_prefix(static_cast<size_t>(written));
  }
  return ::fsync(file.get()) == 0 ? Status::OK() : FileError("sync", path, errno);
}

// Under its name only when it is whole: linking does not replace what is there.
Status PutKey(const std::string& path, std::string_view text) {
  std::array<uint8_t, 8> random{};
  FillRandom(random);
  const std::string aside = path + ".new-" + HexOf(random.data(), random.size());
  Status status = WriteKey(aside, text);
  if (status.ok() && ::link(aside.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = FileError("create", path, errno);
  }
  ::unlink(aside.c_str());
  ARROW_RETURN_NOT_OK(status);
  return SyncFolderOf(path);
}

}  // namespace

const RawKey* RawKeys::Find(std::string_view id) const {
  const auto found = std::ranges::find(read, id, &RawKey::id);
  return found == read.end() ? nullptr : &*found;
}

Result<RawKey> ParseRawKey(std::string_view text) {
  const std::string_view trimmed = Trimmed(text);
  RawKey key;
  if (!ParseHex(trimmed, key.bytes.data()) && !ParseBase64(trimmed, key.bytes.data())) {
    return MakeError(Fault::kConfig, "a key of raw archives is 32 bytes as 64 hex digits or base64, not " +
                                         std::to_string(trimmed.size()) + " characters of something else");
  }
  key.id = IdOf(key);
  return key;
}

Result<std::optional<RawKey>> ReadRawKeyFile(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) {
    if (errno == ENOENT) return std::nullopt;
    return FileError("open", path, errno);
  }
  std::string text(kFileBytesMax, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return FileError("read", path, errno);
  auto key = ParseRawKey(std::string_view(text).substr(0, static_cast<size_t>(size)));
  OPENSSL_cleanse(text.data(), text.size());
  if (!key.ok()) return Within(path, key.status());
  key->of_state = true;
  return *std::move(key);
}

Result<RawKey> MakeRawKeyFile(const std::string& path) {
  const std::string folder = FolderOf(path);
  std::error_code error;
  std::filesystem::create_directories(FolderOf(folder), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return FileError("create", folder, errno);
  ARROW_RETURN_NOT_OK(SyncFolderOf(folder));
  std::array<uint8_t, kKeyBytes> bytes{};
  FillRandom(bytes);
  std::string text = HexOf(bytes.data(), bytes.size()) + "\n";
  OPENSSL_cleanse(bytes.data(), bytes.size());
  FIRN_FAILPOINT("io.before_raw_key");
  const Status put = PutKey(path, text);
  OPENSSL_cleanse(text.data(), text.size());
  ARROW_RETURN_NOT_OK(put);
  FIRN_FAILPOINT("io.after_raw_key");
  ARROW_ASSIGN_OR_RAISE(auto key, ReadRawKeyFile(path));
  if (!key) return MakeError(Fault::kConfig, "the key of raw archives vanished while it was made: " + path);
  return *std::move(key);
}

}  // namespace firn::io
