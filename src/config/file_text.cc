#include "config/file_text.h"

#include <filesystem>
#include <fstream>
#include <system_error>

namespace firn::config {

Result<std::string> ReadFileText(const std::string& path, int64_t bytes_max) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return MakeError(Fault::kConfig, "it does not exist");
  if (error) return MakeError(Fault::kConfig, error.message());
  if (!std::filesystem::is_regular_file(status)) return MakeError(Fault::kConfig, "it is not a regular file");
  std::ifstream in(path, std::ios::binary);
  if (!in) return MakeError(Fault::kConfig, "it cannot be opened (permissions?)");
  std::string text(static_cast<size_t>(bytes_max) + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (in.bad()) return MakeError(Fault::kConfig, "reading failed");
  if (static_cast<int64_t>(text.size()) > bytes_max) {
    return MakeError(Fault::kConfig, "it is larger than " + std::to_string(bytes_max) + " bytes");
  }
  return text;
}

}  // namespace firn::config
