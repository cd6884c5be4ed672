#include "io/zip_archive.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace firn::io {
namespace {

std::string Number(uint64_t value, int width) {
  std::string out;
  for (int i = 0; i < width; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
  return out;
}

std::string Deflated(const std::string& text) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// What is written of a member; a lie where a test wants one.
struct Entry {
  std::string name;
  std::string content;
  int method = 8;
  int flags = 0;
  std::string local_name = {};  // empty: `name`
  std::optional<uint32_t> crc = {};
  std::optional<uint64_t> size = {};
  std::optional<uint64_t> packed = {};
  std::optional<uint64_t> offset = {};
  bool in_64 = false;
  int mode = 0;  // of Unix
};

std::string Archive(const std::vector<Entry>& entries, const std::string& comment = "", bool end_64 = false) {
  std::string out, directory;
  for (const Entry& entry : entries) {
    const std::string packed = entry.method == 8 ? Deflated(entry.content) : entry.content;
    const uint64_t crc = entry.crc.value_or(static_cast<uint32_t>(
        crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()), static_cast<uInt>(entry.content.size()))));
    const uint64_t size = entry.size.value_or(entry.content.size());
    const uint64_t packed_size = entry.packed.value_or(packed.size()), offset = entry.offset.value_or(out.size());
    const std::string local = entry.local_name.empty() ? entry.name : entry.local_name;
    const std::string middle = Number(static_cast<uint64_t>(entry.flags), 2) +
                               Number(static_cast<uint64_t>(entry.method), 2) + Number(0, 4) + Number(crc, 4);
    const auto fits = [&](uint64_t value) { return Number(entry.in_64 ? 0xFFFFFFFF : value, 4); };
    out += "PK\x03\x04" + Number(20, 2) + middle + Number(packed_size, 4) + Number(size, 4) + Number(local.size(), 2) +
           Number(0, 2) + local + packed;
    const std::string extra = entry.in_64 ? Number(0x5455, 2) + Number(1, 2) + "x" + Number(1, 2) + Number(24, 2) +
                                                Number(size, 8) + Number(packed_size, 8) + Number(offset, 8)
                                          : "";
    directory += "PK\x01\x02" + Number(20, 1) + Number(3, 1) + Number(20, 2) + middle + fits(packed_size) + fits(size) +
                 Number(entry.name.size(), 2) + Number(extra.size(), 2) + Number(0, 2) + Number(0, 2) + Number(0, 2) +
                 Number(0, 2) + Number(static_cast<uint64_t>(entry.mode), 2) + fits(offset) + entry.name + extra;
  }
  const uint64_t at = out.size();
  out += directory;
  if (end_64) {
    const uint64_t end_at = out.size();
    out += "PK\x06\x06" + Number(44, 8) + Number(45, 2) + Number(45, 2) + Number(0, 4) + Number(0, 4) +
           Number(entries.size(), 8) + Number(entries.size(), 8) + Number(directory.size(), 8) + Number(at, 8);
    out += "PK\x06\x07" + Number(0, 4) + Number(end_at, 8) + Number(1, 4);
  }
  const uint64_t count = end_64 ? 0xFFFF : entries.size();
  return out + "PK\x05\x06" + Number(0, 4) + Number(count, 2) + Number(count, 2) +
         Number(end_64 ? 0xFFFFFFFF : directory.size(), 4) + Number(end_64 ? 0xFFFFFFFF : at, 4) +
         Number(comment.size(), 2) + comment;
}

std::shared_ptr<arrow::io::RandomAccessFile> FileOf(std::string bytes) {
  return std::make_shared<arrow::io::BufferReader>(arrow::Buffer::FromString(std::move(bytes)));
}

std::string CodeOf(const Status& status) {
  const ErrorContext* context = status.ok() ? nullptr : ContextOf(status);
  return context == nullptr ? "" : context->code;
}

// Reads every member with blocks and pieces of a few bytes.
Result<std::vector<std::string>> ReadAll(const std::string& bytes, int64_t piece_bytes = 7) {
  const auto file = FileOf(bytes);
  ARROW_ASSIGN_OR_RAISE(const auto members, ReadZipDirectory(*file));
  std::vector<std::string> contents;
  for (const ZipMember& member : members) {
    ARROW_ASSIGN_OR_RAISE(const auto input, OpenZipMember(file, member, 5));
    std::string content, piece(static_cast<size_t>(piece_bytes), '\0');
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const int64_t got, input->Read(piece_bytes, piece.data()));
      if (got == 0) break;
      content += piece.substr(0, static_cast<size_t>(got));
    }
    contents.push_back(content);
  }
  return contents;
}

TEST(ZipArchive, MembersAreReadAsTheyWerePacked) {
  const std::string text(1'000, 'x');
  const std::vector<std::string> expected = {"a,b\n1,2\n", text, "", ""};
  for (const bool end_64 : {false, true}) {
    const std::string bytes = Archive({{.name = "a.csv", .content = expected[0], .method = 0},
                                       {.name = "sub/", .content = "", .method = 0},
                                       {.name = "link", .content = "a.csv", .method = 0, .mode = 0120777},
                                       {.name = "sub/b.csv", .content = text, .in_64 = end_64},
                                       {.name = "empty", .content = "", .method = 0},
                                       {.name = "none", .content = ""}},
                                      "a comment with PK\x05\x06 in it", end_64);
    const auto members = ReadZipDirectory(*FileOf(bytes)).ValueOrDie();
    ASSERT_EQ(members.size(), 4U);
    EXPECT_EQ(members[1].name, "sub/b.csv");
    for (const int64_t piece : {1, 7, 5'000}) EXPECT_EQ(ReadAll(bytes, piece).ValueOrDie(), expected);
  }
}

TEST(ZipArchive, NamesAreUtf8) {
  const auto members =
      ReadZipDirectory(*FileOf(Archive({{.name = "M\x81nchen", .content = "x"}, {.name = "Zürich", .content = "y"}})));
  ASSERT_TRUE(members.ok()) << members.status();
  EXPECT_EQ((*members)[0].name, "München");  // code page 437
  EXPECT_EQ((*members)[1].name, "Zürich");
}

TEST(ZipArchive, WhatMisleadsIsRefused) {
  for (const char* name : {"/etc/passwd", "../a.csv", "a/../../b", "C:/a.csv", "a\\..\\b", "a\nb", "", "a//b"}) {
    EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = name, .content = "x"}})).status()), "E0982") << name;
  }
  const Entry plain{.name = "a", .content = "some text", .method = 0};
  EXPECT_EQ(CodeOf(ReadAll(Archive({plain, plain})).status()), "E0982");
  EXPECT_EQ(CodeOf(ReadAll(Archive({plain, {.name = "b", .content = "some text", .method = 0, .offset = 0}})).status()),
            "E0982");
  EXPECT_EQ(CodeOf(ReadAll(Archive({plain, {.name = "b", .content = "x", .offset = 5}})).status()), "E0982");
  EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = "x", .local_name = "b"}})).status()), "E0982");
  EXPECT_EQ(CodeOf(ReadAll("no archive at all").status()), "E0982");
  EXPECT_EQ(CodeOf(ReadAll("").status()), "E0982");
}

TEST(ZipArchive, WhatIsNotReadIsNamed) {
  EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = "x", .flags = 1}})).status()), "E0983");
  EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = "x", .method = 12}})).status()), "E0983");
  EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = "x", .size = int64_t{1} << 32, .in_64 = true}})).status()),
            "E0885");
}

TEST(ZipArchive, ContentIsWhatTheDirectorySays) {
  const std::string text = "1,2,3,4,5,6,7,8,9,10,11,12,13";
  for (const int method : {0, 8}) {
    EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = text, .method = method, .crc = 1}})).status()), "E0885");
    for (const int64_t off : {-1, 1}) {
      const uint64_t size = text.size() + static_cast<uint64_t>(off);
      EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = text, .method = method, .size = size}})).status()),
                "E0885");
    }
  }
  EXPECT_EQ(CodeOf(ReadAll(Archive({{.name = "a", .content = text, .packed = Deflated(text).size() - 1}})).status()),
            "E0885");
}

// Whatever is cut off or flipped: an error, or the same bytes.
TEST(ZipArchive, DamageIsSeen) {
  const std::vector<std::string> expected = {"id,name\n1,a\n2,b\n", std::string(200, 'y')};
  const std::string bytes =
      Archive({{.name = "a", .content = expected[0], .method = 0}, {.name = "b", .content = expected[1]}});
  for (size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(ReadAll(bytes.substr(0, size)).ok()) << size;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (const int bit : {0, 3, 7}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << bit));
      const auto read = ReadAll(damaged);
      if (!read.ok()) continue;
      EXPECT_TRUE(std::ranges::all_of(*read, [&](const std::string& content) {
        return std::ranges::find(expected, content) != expected.end();
      })) << i;
    }
  }
}

}  // namespace
}  // namespace firn::io
