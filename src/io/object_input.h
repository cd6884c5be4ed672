#pragma once

#include <arrow/io/interfaces.h>

#include <memory>
#include <string>

namespace firn::io {

/// A file of arrow::fs whose errors are ours (ObjectError). Thread-safe ReadAt, as the file's own.
std::shared_ptr<arrow::io::RandomAccessFile> MakeObjectInput(std::shared_ptr<arrow::io::RandomAccessFile> input,
                                                             std::string location);

}  // namespace firn::io
