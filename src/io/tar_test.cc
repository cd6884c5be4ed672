#include "io/tar.h"

#include <arrow/buffer.h>
#include <arrow/io/memory.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace firn::io {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

std::string Archive(const Files& files) {
  const auto out = arrow::io::BufferOutputStream::Create().ValueOrDie();
  TarWriter writer(*out);
  for (const auto& [name, content] : files) EXPECT_TRUE(writer.Add(name, content, 1'764'000'000).ok());
  EXPECT_TRUE(writer.Finish().ok());
  return out->Finish().ValueOrDie()->ToString();
}

Result<Files> Unpacked(const std::string& bytes, int64_t piece = 7) {
  arrow::io::BufferReader input(arrow::Buffer::FromString(bytes));
  TarReader reader(input);
  Files files;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(const auto entry, reader.Next());
    if (!entry) return files;
    std::string content;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const std::string some, reader.Read(piece));
      if (some.empty()) break;
      content += some;
    }
    files.emplace_back(entry->name, content);
  }
}

const Files kFiles = {{"a", ""},
                      {"lake/shop/b.parquet", std::string(512, 'x')},
                      {"lake/" + std::string(300, 'n') + "/c", std::string(513, 'y')},
                      {"ü", "z"}};

TEST(Tar, GivesBackWhatWasWritten) {
  const std::string bytes = Archive(kFiles);
  EXPECT_EQ(bytes.size() % 512, 0u);
  EXPECT_EQ(Unpacked(bytes).ValueOrDie(), kFiles);
}

TEST(Tar, PassesOverContentThatIsNotRead) {
  const std::string bytes = Archive(kFiles);
  arrow::io::BufferReader input(arrow::Buffer::FromString(bytes));
  TarReader reader(input);
  for (const auto& [name, content] : kFiles) EXPECT_EQ(reader.Next().ValueOrDie()->name, name);
  EXPECT_FALSE(reader.Next().ValueOrDie().has_value());
}

TEST(Tar, FindsArchivesThatEndEarlyAndChangedHeaders) {
  const std::string bytes = Archive(kFiles);
  for (size_t size = 0; size + 1024 < bytes.size(); size += 101) {
    EXPECT_EQ(FaultOf(Unpacked(bytes.substr(0, size)).status()), Fault::kBadData) << size;
  }
  for (const size_t at : {0u, 120u, 150u, 300u}) {
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_EQ(FaultOf(Unpacked(changed).status()), Fault::kBadData) << at;
  }
}

TEST(Tar, NoNameLeavesTheFolder) {
  for (const char* name : {"", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/.", "a/"}) {
    EXPECT_FALSE(IsSafeName(name)) << name;
  }
  EXPECT_TRUE(IsSafeName("lake/shop/orders/data/a.parquet"));
}

}  // namespace
}  // namespace firn::io
