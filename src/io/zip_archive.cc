#include "io/zip_archive.h"

#include <arrow/buffer.h>
#include <arrow/io/interfaces.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "io/tar.h"

namespace firn::io {
namespace {

constexpr int64_t kEndBytes = 22, kCommentBytesMax = 65'535, kLocatorBytes = 20, kEnd64Bytes = 56;
constexpr size_t kEntryBytes = 46;
constexpr int64_t kLocalBytes = 30;
constexpr uint16_t kStored = 0, kDeflated = 8;
constexpr uint32_t kIn64 = 0xFFFFFFFF;  // the number is in the zip64 extra field
// Deflate packs 1,032 bytes of one kind into one; what is beyond is made to fill disks.
constexpr int64_t kRatioMax = 1'100;

Status BadArchive(const std::string& why) {
  return MakeError(
      Fault::kBadData, "the zip archive cannot be read: " + why,
      {.code = "E0982", .why = "it is damaged, was cut off, or was made to mislead", .next = "copy or pack it anew"});
}

Status BadMember(const ZipMember& member, const std::string& why) {
  return MakeError(Fault::kBadData, "`" + member.name + "` of the archive cannot be unpacked: " + why,
                   {.code = "E0885", .why = "the archive is damaged, or was cut off", .next = "copy or pack it anew"});
}

// A little-endian number of `width` bytes.
uint64_t Number(std::string_view bytes, size_t at, size_t width) {
  uint64_t out = 0;
  for (size_t i = width; i-- > 0;) out = (out << 8) | static_cast<unsigned char>(bytes[at + i]);
  return out;
}

Result<std::string> ReadExactly(arrow::io::RandomAccessFile& file, int64_t offset, int64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  ARROW_ASSIGN_OR_RAISE(const int64_t got, file.ReadAt(offset, size, bytes.data()));
  if (got < size) return BadArchive("it ends early");
  return bytes;
}

struct Directory {
  int64_t offset = 0;
  int64_t size = 0;
  uint64_t num_entries = 0;
  int64_t end = 0;  // where the records behind it begin
};

// 4.3.14, 4.3.15: what is too large for the end record.
Result<std::optional<Directory>> FindDirectory64(arrow::io::RandomAccessFile& file, int64_t end_at) {
  if (end_at < kLocatorBytes) return std::nullopt;
  ARROW_ASSIGN_OR_RAISE(const std::string locator, ReadExactly(file, end_at - kLocatorBytes, kLocatorBytes));
  if (!locator.starts_with("PK\x06\x07")) return std::nullopt;
  const uint64_t at = Number(locator, 8, 8);
  if (at > static_cast<uint64_t>(end_at) || end_at - static_cast<int64_t>(at) < kLocatorBytes + kEnd64Bytes) {
    return BadArchive("its zip64 end record is not where it should be");
  }
  ARROW_ASSIGN_OR_RAISE(const std::string end, ReadExactly(file, static_cast<int64_t>(at), kEnd64Bytes));
  if (!end.starts_with("PK\x06\x06")) return BadArchive("its zip64 end record is not where it should be");
  if (Number(end, 16, 4) != 0 || Number(end, 20, 4) != 0) return BadArchive("it is a part of a split archive");
  const uint64_t size = Number(end, 40, 8), offset = Number(end, 48, 8);
  if (size > at || offset > at) return BadArchive("its directory is not where it should be");
  return Directory{static_cast<int64_t>(offset), static_cast<int64_t>(size), Number(end, 32, 8),
                   static_cast<int64_t>(at)};
}

// 4.3.16: the end record is the last thing of an archive, before a comment of any text.
Result<Directory> FindDirectory(arrow::io::RandomAccessFile& file) {
  ARROW_ASSIGN_OR_RAISE(const int64_t size, file.GetSize());
  const int64_t tail_bytes = std::min(size, kEndBytes + kCommentBytesMax);
  ARROW_ASSIGN_OR_RAISE(const std::string tail, ReadExactly(file, size - tail_bytes, tail_bytes));
  size_t at = tail.size() < static_cast<size_t>(kEndBytes) ? std::string::npos : tail.size() - kEndBytes;
  const auto is_end = [&] {
    return tail.compare(at, 4, "PK\x05\x06") == 0 && at + kEndBytes + Number(tail, at + 20, 2) == tail.size();
  };
  while (at != std::string::npos && !is_end()) at = at == 0 ? std::string::npos : at - 1;
  if (at == std::string::npos) return BadArchive("it has no directory");
  const int64_t end_at = size - tail_bytes + static_cast<int64_t>(at);
  ARROW_ASSIGN_OR_RAISE(const auto in_64, FindDirectory64(file, end_at));
  Directory found{static_cast<int64_t>(Number(tail, at + 16, 4)), static_cast<int64_t>(Number(tail, at + 12, 4)),
                  Number(tail, at + 10, 2), end_at};
  if (in_64) {
    found = *in_64;
  } else if (Number(tail, at + 4, 2) != 0 || Number(tail, at + 6, 2) != 0) {
    return BadArchive("it is a part of a split archive");
  }
  if (found.offset + found.size != found.end) return BadArchive("its directory is not where it should be");
  if (found.size > kZipDirectoryBytesMax) return BadArchive("its directory is larger than 64 MiB");
  return found;
}

// 4.4.4, bit 11: names are UTF-8, or of code page 437. Of those that say nothing and are UTF-8 that is taken.
bool IsUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    const size_t more = lead < 0x80 ? 0 : lead < 0xC2 ? 4 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : lead < 0xF5 ? 3 : 4;
    if (more == 4 || text.size() - i < more) return false;
    uint32_t code = lead & (more == 0 ? 0x7F : 0x3F >> more);
    for (size_t k = 0; k < more; ++k, ++i) {
      if ((static_cast<unsigned char>(text[i]) & 0xC0) != 0x80) return false;
      code = (code << 6) | (static_cast<unsigned char>(text[i]) & 0x3F);
    }
    if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10FFFF))) return false;
    if (code >= 0xD800 && code < 0xE000) return false;
  }
  return true;
}

std::string NameOf(std::string_view raw) {
  if (IsUtf8(raw)) return std::string(raw);
  constexpr std::u16string_view kCodePage437 =
      u"ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε"
      u"∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u00A0";
  static_assert(kCodePage437.size() == 128);
  std::string name;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    const uint32_t code = byte < 0x80 ? byte : kCodePage437[byte - 0x80];
    if (code < 0x80) {
      name.push_back(static_cast<char>(code));
    } else {
      if (code < 0x800) {
        name.push_back(static_cast<char>(0xC0 | (code >> 6)));
      } else {
        name.push_back(static_cast<char>(0xE0 | (code >> 12)));
        name.push_back(static_cast<char>(0x80 | ((code >> 6) & 0x3F)));
      }
      name.push_back(static_cast<char>(0x80 | (code & 0x3F)));
    }
  }
  return name;
}

// A name that leads out of the archive, or that no path can have.
bool MisleadsBy(std::string_view name) {
  const bool has_drive = name.size() > 1 && name[1] == ':';
  const bool has_control = std::ranges::any_of(name, [](unsigned char c) { return c < 0x20 || c == 0x7F; });
  return has_drive || has_control || name.find('\\') != std::string_view::npos || !IsSafeName(name);
}

// 4.5.3: the numbers that do not fit, in this order and only those.
bool Read64(std::string_view extra, std::array<uint64_t*, 3> numbers) {
  const bool wanted = std::ranges::any_of(numbers, [](const uint64_t* number) { return *number == kIn64; });
  while (extra.size() >= 4) {
    const size_t id = Number(extra, 0, 2), size = Number(extra, 2, 2);
    if (extra.size() - 4 < size) return false;
    std::string_view field = extra.substr(4, size);
    extra.remove_prefix(4 + size);
    if (id != 1) continue;
    for (uint64_t* number : numbers) {
      if (*number != kIn64) continue;
      if (field.size() < 8) return false;
      *number = Number(field, 0, 8);
      field.remove_prefix(8);
    }
    return true;
  }
  return !wanted;
}

bool IsLink(std::string_view entry) {
  constexpr uint64_t kUnix = 3, kTypeMask = 0170000, kLink = 0120000;  // 4.4.2.2; st_mode
  return Number(entry, 5, 1) == kUnix && (Number(entry, 40, 2) & kTypeMask) == kLink;
}

// 4.3.12. Takes one entry off `rest`; nullopt for what is no file.
Result<std::optional<ZipMember>> TakeEntry(std::string_view* rest) {
  if (rest->size() < kEntryBytes || !rest->starts_with("PK\x01\x02")) return BadArchive("its directory is damaged");
  const std::string_view entry = *rest;
  const size_t name_bytes = Number(entry, 28, 2), extra_bytes = Number(entry, 30, 2);
  const size_t all_bytes = kEntryBytes + name_bytes + extra_bytes + Number(entry, 32, 2);
  if (entry.size() < all_bytes) return BadArchive("its directory is damaged");
  rest->remove_prefix(all_bytes);
  const std::string name = NameOf(entry.substr(kEntryBytes, name_bytes));
  uint64_t packed = Number(entry, 20, 4), size = Number(entry, 24, 4), offset = Number(entry, 42, 4);
  if (!Read64(entry.substr(kEntryBytes + name_bytes, extra_bytes), {&size, &packed, &offset})) {
    return BadArchive("its directory is damaged");
  }
  constexpr uint64_t kBytesMax = uint64_t{1} << 60;
  if (packed > kBytesMax || size > kBytesMax || offset > kBytesMax) return BadArchive("its directory is damaged");
  const bool is_folder = name.ends_with('/');
  if (MisleadsBy(is_folder ? std::string_view(name).substr(0, name.size() - 1) : name)) {
    std::string shown = name;
    std::ranges::replace_if(shown, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
    return BadArchive("the name `" + shown + "` in it leads elsewhere, or is none");
  }
  if (is_folder || IsLink(entry)) return std::nullopt;
  return ZipMember{.name = name,
                   .offset = static_cast<int64_t>(offset),
                   .packed_bytes = static_cast<int64_t>(packed),
                   .size_bytes = static_cast<int64_t>(size),
                   .crc32 = static_cast<uint32_t>(Number(entry, 16, 4)),
                   .method = static_cast<uint16_t>(Number(entry, 10, 2)),
                   .is_encrypted = (Number(entry, 8, 2) & 1) != 0};
}

// Bytes that two members share unpack twice: a small archive would fill a disk.
Status SetEnds(int64_t directory_at, std::vector<ZipMember>* members) {
  std::vector<ZipMember*> by_offset;
  std::set<std::string_view> names;
  for (ZipMember& member : *members) {
    by_offset.push_back(&member);
    if (!names.insert(member.name).second) return BadArchive("`" + member.name + "` is in it twice");
  }
  std::ranges::sort(by_offset, {}, [](const ZipMember* member) { return member->offset; });
  for (size_t i = 0; i < by_offset.size(); ++i) {
    ZipMember& member = *by_offset[i];
    member.end_max = i + 1 < by_offset.size() ? by_offset[i + 1]->offset : directory_at;
    if (member.end_max - member.offset < kLocalBytes + member.packed_bytes) {
      return BadArchive("`" + member.name + "` overlaps what comes after it");
    }
  }
  return Status::OK();
}

class MemberInput : public arrow::io::InputStream {
 public:
  MemberInput(std::shared_ptr<arrow::io::RandomAccessFile> file, ZipMember member, int64_t block_bytes)
      : file_(std::move(file)), member_(std::move(member)), block_bytes_(block_bytes) {}
  ~MemberInput() override {
    if (stream_) inflateEnd(&*stream_);
  }

  // 4.3.7: what it says must be what the directory says, as other programs go by the one or the other.
  Status Open() {
    ARROW_ASSIGN_OR_RAISE(const std::string header, ReadExactly(*file_, member_.offset, kLocalBytes));
    const auto name_bytes = static_cast<int64_t>(Number(header, 26, 2));
    const auto extra_bytes = static_cast<int64_t>(Number(header, 28, 2));
    next_ = member_.offset + kLocalBytes + name_bytes + extra_bytes;
    packed_end_ = next_ + member_.packed_bytes;
    const bool encrypted = (Number(header, 6, 2) & 1) != 0;
    if (!header.starts_with("PK\x03\x04") || packed_end_ > member_.end_max || encrypted ||
        Number(header, 8, 2) != member_.method) {
      return BadArchive("the header of `" + member_.name + "` is not what the directory says");
    }
    ARROW_ASSIGN_OR_RAISE(const std::string name, ReadExactly(*file_, member_.offset + kLocalBytes, name_bytes));
    if (NameOf(name) != member_.name) return BadArchive("the directory has another name for `" + member_.name + "`");
    if (member_.method == kStored && member_.packed_bytes != member_.size_bytes) {
      return BadMember(member_, "it is stored, and its two sizes differ");
    }
    if (member_.method == kDeflated) {
      FIRN_CHECK(inflateInit2(&stream_.emplace(), -MAX_WBITS) == Z_OK);
    }
    return member_.size_bytes == 0 ? CheckEnd() : Status::OK();
  }

  Status Close() override {
    closed_ = true;
    return Status::OK();
  }
  bool closed() const override { return closed_; }
  Result<int64_t> Tell() const override { return position_; }

  Result<int64_t> Read(int64_t nbytes, void* out) override {
    auto* to = static_cast<uint8_t*>(out);
    const int64_t wanted = std::min(nbytes, member_.size_bytes - position_);
    int64_t total = 0;
    while (total < wanted) {
      ARROW_ASSIGN_OR_RAISE(const int64_t got, Unpack(to + total, wanted - total));
      crc_ = crc32_z(crc_, to + total, static_cast<size_t>(got));
      total += got;
    }
    if (total == 0) return 0;
    position_ += total;
    if (position_ == member_.size_bytes) ARROW_RETURN_NOT_OK(CheckEnd());
    return total;
  }
  Result<std::shared_ptr<arrow::Buffer>> Read(int64_t nbytes) override {
    const int64_t size = std::min(nbytes, member_.size_bytes - position_);
    ARROW_ASSIGN_OR_RAISE(std::shared_ptr<arrow::Buffer> buffer, arrow::AllocateBuffer(size));
    ARROW_ASSIGN_OR_RAISE(const int64_t got, Read(size, buffer->mutable_data()));
    FIRN_CHECK(got == size);
    return buffer;
  }

 private:
  int64_t InBlock() const { return block_ == nullptr ? 0 : block_->size() - in_block_; }

  // Has bytes of the archive at hand; kBadData when there are no more of the member.
  Status Fill() {
    if (InBlock() > 0) return Status::OK();
    if (next_ == packed_end_) return BadMember(member_, "it unpacks to fewer bytes than the directory says");
    ARROW_ASSIGN_OR_RAISE(block_, file_->ReadAt(next_, std::min(block_bytes_, packed_end_ - next_)));
    if (block_->size() == 0) return BadArchive("it ends early");
    next_ += block_->size();
    in_block_ = 0;
    return Status::OK();
  }

  Result<int64_t> Unpack(uint8_t* out, int64_t size) {
    if (stream_) return Inflate(out, size);
    ARROW_RETURN_NOT_OK(Fill());
    const int64_t taken = std::min(size, InBlock());
    std::memcpy(out, block_->data() + in_block_, static_cast<size_t>(taken));
    in_block_ += taken;
    return taken;
  }

  Result<int64_t> Inflate(uint8_t* out, int64_t size) {
    constexpr int64_t kAtOnceMax = int64_t{1} << 30;  // zlib counts in 32 bits
    if (inflated_) return BadMember(member_, "it unpacks to fewer bytes than the directory says");
    ARROW_RETURN_NOT_OK(Fill());
    stream_->next_in = const_cast<Bytef*>(block_->data() + in_block_);  // zlib's input is not const, not written
    stream_->avail_in = static_cast<uInt>(InBlock());
    stream_->next_out = out;
    stream_->avail_out = static_cast<uInt>(std::min(size, kAtOnceMax));
    const uInt room = stream_->avail_out;
    const int code = inflate(&*stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      return BadMember(member_, stream_->msg != nullptr ? stream_->msg : "zlib error " + std::to_string(code));
    }
    inflated_ = code == Z_STREAM_END;
    in_block_ = block_->size() - stream_->avail_in;
    return static_cast<int64_t>(room - stream_->avail_out);
  }

  // All bytes are unpacked: the packed ones must end here too, and be those that were packed.
  Status CheckEnd() {
    uint8_t more = 0;
    while (stream_ && !inflated_) {
      ARROW_ASSIGN_OR_RAISE(const int64_t got, Inflate(&more, 1));
      if (got != 0) return BadMember(member_, "it unpacks to more bytes than the directory says");
    }
    if (InBlock() > 0 || next_ != packed_end_) return BadMember(member_, "packed bytes are left over");
    if (crc_ != member_.crc32) return BadMember(member_, "its checksum is another one");
    return Status::OK();
  }

  const std::shared_ptr<arrow::io::RandomAccessFile> file_;
  const ZipMember member_;
  const int64_t block_bytes_;
  int64_t next_ = 0;        // in the archive, of the next block
  int64_t packed_end_ = 0;  // in the archive
  std::shared_ptr<arrow::Buffer> block_;
  int64_t in_block_ = 0;            // bytes of block_ that were used
  std::optional<z_stream> stream_;  // of deflated members
  bool inflated_ = false;           // the stream has ended
  int64_t position_ = 0;            // bytes that were given
  uLong crc_ = 0;
  bool closed_ = false;
};

Status CheckCanRead(const ZipMember& member) {
  const auto refuse = [&](const std::string& why) {
    return MakeError(Fault::kBadData, "`" + member.name + "` of the archive is " + why,
                     {.code = "E0983", .next = "pack it anew, or leave it out of `path:`"});
  };
  if (member.is_encrypted) return refuse("encrypted");
  if (member.method != kStored && member.method != kDeflated) {
    return refuse("packed by method " + std::to_string(member.method) + ", and only stored and deflated ones are read");
  }
  if (member.size_bytes / kRatioMax > member.packed_bytes) {
    return MakeError(Fault::kBadData, "`" + member.name + "` of the archive unpacks to over 1,000 times its size",
                     {.code = "E0885", .why = "no file of rows does, but files made to fill disks do"});
  }
  return Status::OK();
}

}  // namespace

Result<std::vector<ZipMember>> ReadZipDirectory(arrow::io::RandomAccessFile& file) {
  ARROW_ASSIGN_OR_RAISE(const Directory directory, FindDirectory(file));
  ARROW_ASSIGN_OR_RAISE(const std::string bytes, ReadExactly(file, directory.offset, directory.size));
  std::string_view rest = bytes;
  std::vector<ZipMember> members;
  uint64_t num_entries = 0;
  for (; !rest.empty(); ++num_entries) {
    ARROW_ASSIGN_OR_RAISE(auto member, TakeEntry(&rest));
    if (member) members.push_back(*std::move(member));
  }
  if (num_entries != directory.num_entries) return BadArchive("its directory is damaged");
  ARROW_RETURN_NOT_OK(SetEnds(directory.offset, &members));
  return members;
}

Result<std::shared_ptr<arrow::io::InputStream>> OpenZipMember(std::shared_ptr<arrow::io::RandomAccessFile> file,
                                                              ZipMember member, int64_t block_bytes) {
  ARROW_RETURN_NOT_OK(CheckCanRead(member));
  auto input = std::make_shared<MemberInput>(std::move(file), std::move(member), block_bytes);
  ARROW_RETURN_NOT_OK(input->Open());
  return input;
}

}  // namespace firn::io
