#include "config/file_text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string_view>
#include <system_error>
#include <utility>

namespace firn::config {
namespace {
constexpr size_t kStepBytes = 1 << 16;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
}  // namespace

std::string WithoutByteOrderMark(std::string text) {
  if (text.starts_with(kByteOrderMark)) text.erase(0, kByteOrderMark.size());
  return text;
}

Result<std::string> ReadFileText(const std::string& path, int64_t bytes_max) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return MakeError(Fault::kConfig, "it does not exist");
  if (error) return MakeError(Fault::kConfig, error.message());
  if (!std::filesystem::is_regular_file(status)) return MakeError(Fault::kConfig, "it is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return MakeError(Fault::kConfig, "it cannot be opened (permissions?)");
  const auto most = static_cast<size_t>(bytes_max) + 1;
  const auto known = static_cast<size_t>(std::filesystem::file_size(path, error));  // it may grow meanwhile
  std::string text;
  size_t step = error ? kStepBytes : std::min(known, most) + 1;  // a file that stays as it is ends within the first
  while (in && text.size() < most) {
    const size_t before = text.size();
    text.resize(std::min(before + step, most));
    in.read(text.data() + before, static_cast<std::streamsize>(text.size() - before));
    text.resize(before + static_cast<size_t>(in.gcount()));
    step = kStepBytes;
  }
  if (in.bad()) return MakeError(Fault::kConfig, "reading failed");
  if (static_cast<int64_t>(text.size()) > bytes_max) {
    return MakeError(Fault::kConfig, "it is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return WithoutByteOrderMark(std::move(text));
}

}  // namespace firn::config
