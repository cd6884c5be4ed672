#include <gtest/gtest.h>

#include <set>

#include "base/byte_size.h"
#include "base/random.h"
#include "base/uuid.h"

namespace firn {
namespace {

TEST(Uuid, VersionAndVariantAreSet) {
  Random random(1);
  for (int i = 0; i < 100; ++i) {
    for (const Uuid& uuid : {MakeUuid4(), MakeUuid4(random)}) {
      const std::string text = uuid.ToString();
      EXPECT_EQ(text[14], '4');
      EXPECT_NE(std::string("89ab").find(text[19]), std::string::npos);
      EXPECT_EQ(ParseUuid(text).ValueOrDie(), uuid);
    }
  }
}

TEST(Uuid, Version7SortsByTime) {
  FakeClock clock({.micros = 1'645'557'742'000'000});
  const Uuid early = MakeUuid7(clock);
  EXPECT_EQ(early.ToString().substr(0, 14), "017f22e2-79b0-");  // RFC 9562, appendix A.6
  clock.Advance(std::chrono::milliseconds(1));
  EXPECT_LT(early.ToString(), MakeUuid7(clock).ToString());
}

TEST(Uuid, RejectsMalformedText) {
  for (const char* text : {"", "01890a5dac96774bbcceb302099a8057", "01890a5d-ac96-774b-bcce-b302099a805g",
                           "01890a5d-ac96-774b-bcce-b302099a80570", "01890a5d_ac96-774b-bcce-b302099a8057"}) {
    EXPECT_EQ(FaultOf(ParseUuid(text).status()), Fault::kBadData) << text;
  }
  EXPECT_TRUE(ParseUuid("01890A5D-AC96-774B-BCCE-B302099A8057").ok());
}

TEST(Random, SameSeedSameSequence) {
  Random a(42);
  Random b(42);
  Random c(43);
  std::set<uint64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const uint64_t value = a.Next();
    EXPECT_EQ(value, b.Next());
    EXPECT_NE(value, c.Next());
    seen.insert(value);
  }
  EXPECT_EQ(seen.size(), 100u);
}

TEST(Random, BelowAndUniformStayInRange) {
  Random random(1);
  std::set<uint64_t> seen;
  for (int i = 0; i < 1'000; ++i) {
    seen.insert(random.Below(7));
    const double uniform = random.Uniform();
    EXPECT_GE(uniform, 0.0);
    EXPECT_LT(uniform, 1.0);
  }
  EXPECT_EQ(seen, (std::set<uint64_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(ByteSize, Parses) {
  EXPECT_EQ(ParseByteSize("64MiB").ValueOrDie(), 64_MiB);
  EXPECT_EQ(ParseByteSize("1.5 GiB").ValueOrDie(), 1_GiB + 512_MiB);
  EXPECT_EQ(ParseByteSize("10MB").ValueOrDie(), 10'000'000);
  EXPECT_EQ(ParseByteSize("10k").ValueOrDie(), 10'000);
  EXPECT_EQ(ParseByteSize(" 512 B ").ValueOrDie(), 512);
  EXPECT_EQ(ParseByteSize("0").ValueOrDie(), 0);
}

TEST(ByteSize, RejectsTheRest) {
  for (const char* text : {"", " ", "MiB", "-1", "1XB", "1MiBB", "1 M i B", "nan", "inf", "1e3", "99999999TiB"}) {
    EXPECT_EQ(FaultOf(ParseByteSize(text).status()), Fault::kConfig) << text;
  }
}

TEST(ByteSize, Formats) {
  EXPECT_EQ(FormatByteSize(0), "0 B");
  EXPECT_EQ(FormatByteSize(1_KiB), "1 KiB");
  EXPECT_EQ(FormatByteSize(1'536_KiB), "1.5 MiB");
}

}  // namespace
}  // namespace firn
