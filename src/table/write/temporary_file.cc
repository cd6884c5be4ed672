#include "table/write/temporary_file.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <arrow/ipc/dictionary.h>
#include <arrow/ipc/options.h>
#include <arrow/ipc/reader.h>
#include <arrow/ipc/writer.h>
#include <arrow/record_batch.h>
#include <arrow/util/compression.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/failpoint.h"

namespace firn::table {

namespace {

Status TemporaryError(const std::string& what, const std::string& folder, int error) {
  const bool user_can_help =
      error == ENOSPC || error == EDQUOT || error == EACCES || error == EROFS || error == ENOENT || error == ENOTDIR;
  return MakeError(user_can_help ? Fault::kConfig : Fault::kTransient,
                   what + " temporary file: " + std::strerror(error) + ", folder " + folder,
                   {.state = "nothing was committed",
                    .next = "set TMPDIR to a folder with space, or raise --memory so that less is spilled"});
}

}  // namespace

TemporaryFile::TemporaryFile(std::string folder) : folder_(std::move(folder)) {
  if (!folder_.empty()) return;
  const char* from_environment = std::getenv("TMPDIR");
  folder_ = from_environment != nullptr && *from_environment != '\0' ? from_environment : "/tmp";
}

TemporaryFile::~TemporaryFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Status TemporaryFile::Open() {
  FIRN_FAILPOINT("temporary_file.open");
  descriptor_ = ::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (descriptor_ >= 0) return Status::OK();
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) return TemporaryError("create", folder_, errno);
  std::string name = folder_ + "/firn-spill-XXXXXX";  // a file system without O_TMPFILE
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);
  if (descriptor_ < 0) return TemporaryError("create", folder_, errno);
  ::unlink(name.c_str());
  return Status::OK();
}

Result<Extent> TemporaryFile::Append(std::string_view bytes) {
  if (descriptor_ < 0) ARROW_RETURN_NOT_OK(Open());
  FIRN_FAILPOINT("temporary_file.write");
  const Extent extent{.offset = size_bytes_, .length = static_cast<int64_t>(bytes.size())};
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(descriptor_, bytes.data(), bytes.size(), size_bytes_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return TemporaryError("write", folder_, errno);
    size_bytes_ += written;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return extent;
}

Result<std::shared_ptr<arrow::Buffer>> TemporaryFile::Read(const Extent& extent, arrow::MemoryPool* pool) const {
  ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(extent.length, pool));
  int64_t done = 0;
  while (done < extent.length) {
    const ssize_t count = ::pread(descriptor_, buffer->mutable_data() + done, static_cast<size_t>(extent.length - done),
                                  extent.offset + done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return TemporaryError("read", folder_, count == 0 ? EIO : errno);
    done += count;
  }
  return buffer;
}

Result<Extent> TemporaryFile::AppendBatch(const arrow::RecordBatch& batch, arrow::MemoryPool* pool) {
  auto options = arrow::ipc::IpcWriteOptions::Defaults();
  options.memory_pool = pool;
  options.use_threads = false;
  ARROW_ASSIGN_OR_RAISE(options.codec, arrow::util::Codec::Create(arrow::Compression::LZ4_FRAME));
  ARROW_ASSIGN_OR_RAISE(auto bytes, arrow::ipc::SerializeRecordBatch(batch, options));
  return Append({reinterpret_cast<const char*>(bytes->data()), static_cast<size_t>(bytes->size())});
}

Result<std::shared_ptr<arrow::RecordBatch>> TemporaryFile::ReadBatch(const Extent& extent,
                                                                     const std::shared_ptr<arrow::Schema>& schema,
                                                                     arrow::MemoryPool* pool) const {
  ARROW_ASSIGN_OR_RAISE(auto bytes, Read(extent, pool));
  arrow::io::BufferReader reader(bytes);
  auto options = arrow::ipc::IpcReadOptions::Defaults();
  options.memory_pool = pool;
  options.use_threads = false;
  return arrow::ipc::ReadRecordBatch(schema, nullptr, options, &reader);
}

}  // namespace firn::table
