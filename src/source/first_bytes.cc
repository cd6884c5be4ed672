#include "source/first_bytes.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"

namespace firn::source {
namespace {

struct Magic {
  std::string_view bytes;
  const char* what;
};
constexpr std::array kUnread = {
    Magic{"BZh", "bzip2"},
    Magic{"\xFD"
          "7zXZ",
          "xz"},
    Magic{"\x04\x22\x4D\x18", "lz4"},
    Magic{"PK\x03\x04", "a zip archive"},
    Magic{"Obj\x01", "Avro"},
    Magic{"ORC", "ORC"},
    Magic{"7z\xBC\xAF", "7-Zip"},
    Magic{"%PDF", "PDF"},
};

}  // namespace

Status CheckIsRead(std::string_view first_bytes) {
  for (const Magic& magic : kUnread) {
    if (first_bytes.starts_with(magic.bytes)) {
      return MakeError(Fault::kBadData, std::string("the file is ") + magic.what + ", which this build does not read",
                       {.code = "E0883", .next = "convert it, or leave it out of `path:`"});
    }
  }
  return Status::OK();
}

bool IsWebPage(std::string_view content_type, std::string_view first_bytes) {
  constexpr std::string_view kType = "text/html";
  const std::string type = AsciiLower(content_type.substr(0, content_type.find(';')));
  if (type.substr(0, type.find_last_not_of(" \t") + 1) == kType) return true;
  const size_t begin = std::min(first_bytes.find_first_not_of(" \t\r\n\xEF\xBB\xBF"), first_bytes.size());
  constexpr size_t kBeginBytes = 16;
  const std::string text = AsciiLower(first_bytes.substr(begin, kBeginBytes));
  return text.starts_with("<!doctype html") || text.starts_with("<html");
}

}  // namespace firn::source
