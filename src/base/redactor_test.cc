#include "base/redactor.h"

#include <gtest/gtest.h>

namespace firn {
namespace {

TEST(Redactor, KnowsTheFormsInWhichASecretIsWritten) {
  Redactor redactor;
  ASSERT_TRUE(redactor.AddSecret("se\"cr\\et'\xC3\xA4\n!"));
  for (const char* const form : {"se\"cr\\et'\xC3\xA4\n!", "se\\\"cr\\\\et'\xC3\xA4\\n!", R"(se\"cr\\et'\u00e4\n!)",
                                 "se\"cr\\\\et\\'\xC3\xA4\\n!", "se%22cr%5Cet%27%C3%A4%0A%21"}) {
    EXPECT_EQ(redactor.Redact("<" + std::string(form) + ">"), "<***>") << form;
  }
  EXPECT_FALSE(redactor.AddSecret("abc"));
}

TEST(Redactor, EscapesBeyondTheFirstPlaneAsTwoUnits) {
  Redactor redactor;
  ASSERT_TRUE(redactor.AddSecret("key-\xF0\x9F\x94\x91"));
  EXPECT_EQ(redactor.Redact("key-\\ud83d\\udd11"), "***");
}

}  // namespace
}  // namespace firn
