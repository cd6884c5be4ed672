#include "source/airbyte/text_encoding.h"

#include <iconv.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "base/ascii.h"

namespace firn::source::airbyte {
namespace {

// Python's names, as iconv knows them.
std::string NameForIconv(const std::string& encoding) {
  std::string name = AsciiLower(encoding);
  std::ranges::replace(name, '_', '-');
  if (name == "latin-1" || name == "l1") return "ISO-8859-1";
  if (name == "utf-8-sig" || name == "utf8" || name == "u8") return "UTF-8";
  if (name.ends_with("-le") || name.ends_with("-be")) name.erase(name.size() - 3, 1);  // utf-16-le
  return name;
}

}  // namespace

Result<std::string> TextOf(std::string_view bytes, const std::string& encoding) {
  const std::string name = NameForIconv(encoding);
  if (AsciiLower(encoding).ends_with("sig") && bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (AsciiLower(name) == "utf-8") return std::string(bytes);
  const iconv_t opened = ::iconv_open("UTF-8", name.c_str());
  if (opened == reinterpret_cast<iconv_t>(-1)) {  // as iconv_open says it
    return MakeError(Fault::kConfig, "text in the encoding " + encoding + " cannot be read");
  }
  const std::unique_ptr<void, int (*)(void*)> converter(opened, ::iconv_close);
  std::string out;
  std::array<char, 1 << 14> piece;
  auto* from = const_cast<char*>(bytes.data());  // iconv does not write it
  for (size_t left = bytes.size(); left > 0;) {
    char* to = piece.data();
    size_t room = piece.size();
    const size_t code = ::iconv(converter.get(), &from, &left, &to, &room);
    const int why = errno;
    out.append(piece.data(), piece.size() - room);
    if (code == static_cast<size_t>(-1) && why != E2BIG) {
      return MakeError(Fault::kBadData, "the body is no text in " + encoding);
    }
  }
  return out;
}

}  // namespace firn::source::airbyte
