#include "io/tar.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <utility>

namespace firn::io {
namespace {

constexpr int64_t kBlock = 512;
constexpr size_t kNameMax = 100;
constexpr int64_t kOctalMax = int64_t{8} << 30;  // 11 octal digits
// Offsets in the header block.
constexpr size_t kModeAt = 100, kOwnerAt = 108, kGroupAt = 116, kSizeAt = 124, kTimeAt = 136, kSumAt = 148,
                 kTypeAt = 156, kMagicAt = 257, kPrefixAt = 345, kPrefixMax = 155;

using Block = std::array<char, kBlock>;

int64_t PaddingOf(int64_t size_bytes) {
  return (kBlock - size_bytes % kBlock) % kBlock;
}

void PutOctal(Block& block, size_t at, int digits, int64_t value) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%0*llo", digits, static_cast<unsigned long long>(value));
  std::memcpy(block.data() + at, text.data(), static_cast<size_t>(digits));
}

unsigned SumOf(Block block) {
  std::memset(block.data() + kSumAt, ' ', 8);
  unsigned sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return sum;
}

std::string TextAt(const Block& block, size_t at, size_t size) {
  const char* begin = block.data() + at;
  return {begin, ::strnlen(begin, size)};
}

std::optional<int64_t> OctalAt(const Block& block, size_t at, size_t size) {
  std::string text = TextAt(block, at, size);
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  text.erase(std::min(text.find_last_not_of(' ') + 1, text.size()));
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, 8);
  if (text.empty() || parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

// "<length> <key>=<value>\n", where the length counts itself.
std::string ExtendedRecord(std::string_view key, std::string_view value) {
  const size_t rest = key.size() + value.size() + 3;
  size_t size = rest + 1;
  while (std::to_string(size).size() + rest != size) size = std::to_string(size).size() + rest;
  return std::to_string(size) + " " + std::string(key) + "=" + std::string(value) + "\n";
}

Status Damaged(const std::string& what) {
  return MakeError(Fault::kBadData, "the archive is damaged or none: " + what);
}

}  // namespace

Status TarWriter::Header(std::string_view name, char type, int64_t size_bytes, int64_t modified_s) {
  Block block{};
  std::memcpy(block.data(), name.data(), std::min(name.size(), kNameMax));
  PutOctal(block, kModeAt, 7, 0644);
  PutOctal(block, kOwnerAt, 7, 0);
  PutOctal(block, kGroupAt, 7, 0);
  PutOctal(block, kSizeAt, 11, size_bytes < kOctalMax ? size_bytes : 0);
  PutOctal(block, kTimeAt, 11, std::clamp<int64_t>(modified_s, 0, kOctalMax - 1));
  block[kTypeAt] = type;
  std::memcpy(block.data() + kMagicAt,
              "ustar\0"
              "00",
              8);
  PutOctal(block, kSumAt, 6, SumOf(block));
  block[kSumAt + 7] = ' ';
  return out_.Write(block.data(), kBlock);
}

Status TarWriter::Begin(std::string_view name, int64_t size_bytes, int64_t modified_s) {
  std::string extended;
  if (name.size() > kNameMax) extended += ExtendedRecord("path", name);
  if (size_bytes >= kOctalMax) extended += ExtendedRecord("size", std::to_string(size_bytes));
  if (!extended.empty()) {
    const auto size = static_cast<int64_t>(extended.size());
    ARROW_RETURN_NOT_OK(Header("pax_header", 'x', size, modified_s));
    extended.append(static_cast<size_t>(PaddingOf(size)), '\0');
    ARROW_RETURN_NOT_OK(out_.Write(extended.data(), static_cast<int64_t>(extended.size())));
  }
  left_ = size_ = size_bytes;
  return Header(name, '0', size_bytes, modified_s);
}

Status TarWriter::Write(std::string_view bytes) {
  const auto size = static_cast<int64_t>(bytes.size());
  if (size > left_) return MakeError(Fault::kBug, "more content than was said");
  left_ -= size;
  return out_.Write(bytes.data(), size);
}

Status TarWriter::End() {
  if (left_ != 0) return MakeError(Fault::kBug, "less content than was said");
  const std::string padding(static_cast<size_t>(PaddingOf(size_)), '\0');
  return out_.Write(padding.data(), static_cast<int64_t>(padding.size()));
}

Status TarWriter::Add(std::string_view name, std::string_view bytes, int64_t modified_s) {
  ARROW_RETURN_NOT_OK(Begin(name, static_cast<int64_t>(bytes.size()), modified_s));
  ARROW_RETURN_NOT_OK(Write(bytes));
  return End();
}

Status TarWriter::Finish() {
  const std::string end(static_cast<size_t>(2 * kBlock), '\0');
  return out_.Write(end.data(), static_cast<int64_t>(end.size()));
}

Result<std::string> TarReader::Exactly(int64_t num_bytes) {
  ARROW_ASSIGN_OR_RAISE(const auto buffer, in_.Read(num_bytes));
  if (buffer->size() != num_bytes) return Damaged("it ends early");
  return buffer->ToString();
}

Status TarReader::PassOver() {
  while (left_ > 0) ARROW_RETURN_NOT_OK(Read(int64_t{1} << 20).status());
  if (padding_ > 0) ARROW_RETURN_NOT_OK(Exactly(std::exchange(padding_, 0)).status());
  return Status::OK();
}

Result<std::string> TarReader::Read(int64_t bytes_max) {
  const int64_t wanted = std::min(bytes_max, left_);
  if (wanted == 0) return std::string();
  ARROW_ASSIGN_OR_RAISE(std::string bytes, Exactly(wanted));
  left_ -= wanted;
  return bytes;
}

Status TarReader::Extend(std::string_view records, TarEntry* entry) {
  while (!records.empty()) {
    size_t size = 0;
    const auto parsed = std::from_chars(records.data(), records.data() + records.size(), size);
    const auto digits = static_cast<size_t>(parsed.ptr - records.data());
    if (parsed.ec != std::errc() || size <= digits + 2 || size > records.size()) return Damaged("an extended header");
    const std::string_view record = records.substr(digits + 1, size - digits - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos) return Damaged("an extended header");
    const std::string_view value = record.substr(equals + 1);
    if (record.starts_with("path=")) entry->name = value;
    if (record.starts_with("size=")) {
      const auto number = std::from_chars(value.data(), value.data() + value.size(), entry->size_bytes);
      if (number.ec != std::errc() || entry->size_bytes < 0) return Damaged("an extended header");
    }
    records.remove_prefix(size);
  }
  return Status::OK();
}

Result<std::optional<TarEntry>> TarReader::Next() {
  ARROW_RETURN_NOT_OK(PassOver());
  TarEntry extended{.size_bytes = -1};
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const std::string bytes, Exactly(kBlock));
    Block block{};
    std::memcpy(block.data(), bytes.data(), kBlock);
    if (std::ranges::all_of(block, [](char c) { return c == '\0'; })) return std::nullopt;
    const auto sum = OctalAt(block, kSumAt, 8);
    const auto size = OctalAt(block, kSizeAt, 12);
    if (!sum || *sum != SumOf(block) || !size || *size < 0) return Damaged("a header");
    const char type = block[kTypeAt];
    if (type == 'x') {
      if (*size > kExtendedBytesMax) return Damaged("an extended header");
      ARROW_ASSIGN_OR_RAISE(const std::string records, Exactly(*size));
      ARROW_RETURN_NOT_OK(Exactly(PaddingOf(*size)).status());
      ARROW_RETURN_NOT_OK(Extend(records, &extended));
      continue;
    }
    if (type != '0' && type != '\0') return Damaged("an entry that is no file");
    TarEntry entry{.name = TextAt(block, 0, kNameMax), .size_bytes = *size};
    if (const std::string prefix = TextAt(block, kPrefixAt, kPrefixMax); !prefix.empty()) {
      entry.name = prefix + "/" + entry.name;
    }
    if (!extended.name.empty()) entry.name = extended.name;
    if (extended.size_bytes >= 0) entry.size_bytes = extended.size_bytes;
    left_ = entry.size_bytes;
    padding_ = PaddingOf(entry.size_bytes);
    return entry;
  }
}

bool IsSafeName(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.back() == '/' || name.find('\0') != std::string_view::npos)
    return false;
  while (!name.empty()) {
    const std::string_view part = name.substr(0, name.find('/'));
    if (part.empty() || part == "." || part == "..") return false;
    name.remove_prefix(std::min(part.size() + 1, name.size()));
  }
  return true;
}

}  // namespace firn::io
