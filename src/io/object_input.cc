#include "io/object_input.h"

#include <arrow/buffer.h>
#include <arrow/result.h>

#include <utility>

#include "base/status.h"
#include "io/object_error.h"

namespace firn::io {
namespace {

class ObjectInput : public arrow::io::RandomAccessFile {
 public:
  ObjectInput(std::shared_ptr<arrow::io::RandomAccessFile> input, std::string location)
      : input_(std::move(input)), location_(std::move(location)) {}

  Result<int64_t> GetSize() override { return Said(input_->GetSize()); }
  Result<int64_t> ReadAt(int64_t position, int64_t size, void* out) override {
    return Said(input_->ReadAt(position, size, out));
  }
  Result<std::shared_ptr<arrow::Buffer>> ReadAt(int64_t position, int64_t size) override {
    return Said(input_->ReadAt(position, size));
  }
  Result<int64_t> Read(int64_t size, void* out) override { return Said(input_->Read(size, out)); }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t size) override { return Said(input_->Read(size)); }
  Result<std::shared_ptr<const arrow::KeyValueMetadata>> ReadMetadata() override {
    return Said(input_->ReadMetadata());
  }
  Status Seek(int64_t position) override { return input_->Seek(position); }
  Result<int64_t> Tell() const override { return input_->Tell(); }
  Status Close() override { return input_->Close(); }
  bool closed() const override { return input_->closed(); }

 private:
  template <typename T>
  Result<T> Said(Result<T> result) const {
    if (result.ok()) return result;
    return ObjectError("read", location_, result.status());
  }

  const std::shared_ptr<arrow::io::RandomAccessFile> input_;
  const std::string location_;
};

}  // namespace

std::shared_ptr<arrow::io::RandomAccessFile> MakeObjectInput(std::shared_ptr<arrow::io::RandomAccessFile> input,
                                                             std::string location) {
  return std::make_shared<ObjectInput>(std::move(input), std::move(location));
}

}  // namespace firn::io
