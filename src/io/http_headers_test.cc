#include "io/http_headers.h"

#include <gtest/gtest.h>

#include "io/url.h"

namespace firn::io {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Timestamp kNow{.micros = 784'111'777'000'000};  // Sun, 06 Nov 1994 08:49:37 GMT

TEST(HttpHeaders, NamesCompareWithoutCase) {
  HttpHeaders headers{{"A", "1"}, {"a", "2"}, {"B", "3"}};
  EXPECT_EQ(headers.Get("a"), "1");
  headers.Set("a", "4");
  EXPECT_EQ(headers.GetAll("A"), (std::vector<std::string_view>{"4"}));
  headers.Remove("b");
  EXPECT_FALSE(headers.Has("B"));
}

TEST(Link, FindsTheNextPage) {
  const auto next = [](const char* value) { return LinkTarget({{"Link", value}}, "next"); };
  EXPECT_EQ(next("<https://a/?p=2>; rel=\"next\", <https://a/?p=9>; rel=\"last\""), "https://a/?p=2");
  EXPECT_EQ(next("<https://a/?p=1>; rel=prev, <https://a/?q=a,b;c>; title=\"x, \\\"y\\\"\"; rel=\"last next\""),
            "https://a/?q=a,b;c");
  EXPECT_EQ(next("</rel?x>;REL=NEXT"), "/rel?x");
  EXPECT_EQ(LinkTarget({{"Link", "<a>; rel=first"}, {"link", "<b>; rel=next"}}, "next"), "b");
  for (const char* none : {"", "<a>", "<a", "a; rel=next", "<a>; rel=prev", "<a>; rel=", ",,;;=", "<a>; rel=\"ne"}) {
    EXPECT_EQ(next(none), std::nullopt) << none;
  }
}

TEST(HttpDate, ReadsTheThreeForms) {  // RFC 9110 §5.6.7
  for (const char* text :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(ParseHttpDate(text), kNow) << text;
  }
  for (const char* text :
       {"", "Sun", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Xxx 1994 08:49:37 GMT", "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 30 Feb 1994 08:49:37 GMT"}) {
    EXPECT_EQ(ParseHttpDate(text), std::nullopt) << text;
  }
}

TEST(RetryAfter, SecondsAndDatesAndNonsense) {
  EXPECT_EQ(ParseRetryAfter("120", kNow), seconds(120));
  EXPECT_EQ(ParseRetryAfter(" 0.5 ", kNow), milliseconds(500));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:50:37 GMT", kNow), seconds(60));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", kNow), seconds(0));
  EXPECT_EQ(ParseRetryAfter("99999999999999999999", kNow), kRetryAfterMax);
  for (const char* bad : {"", "-1", "soon", "1e9", "inf", "nan", "12 seconds"}) {
    EXPECT_EQ(ParseRetryAfter(bad, kNow), std::nullopt) << bad;
  }
}

TEST(RateLimit, KnowsTheDialects) {
  const auto read = [](HttpHeaders headers) { return ParseRateLimit(headers, kNow); };
  auto state = read({{"X-RateLimit-Limit", "60"}, {"X-RateLimit-Remaining", "0"}, {"X-RateLimit-Reset", "1700000000"}});
  EXPECT_EQ(state.limit, 60);
  EXPECT_EQ(state.remaining, 0);
  state = ParseRateLimit({{"X-RateLimit-Reset", "1700000030"}}, {.micros = 1'700'000'000'000'000});
  EXPECT_EQ(state.reset, seconds(30));
  state = ParseRateLimit({{"x-rate-limit-reset", "1700000030500"}}, {.micros = 1'700'000'000'000'000});
  EXPECT_EQ(state.reset, milliseconds(30'500));
  EXPECT_EQ(read({{"RateLimit-Reset", "30"}}).reset, seconds(30));
  EXPECT_EQ(read({{"X-RateLimit-Reset", "1994-11-06T08:49:47Z"}}).reset, seconds(10));
  state = read({{"RateLimit", "limit=100, remaining=5, reset=7"}});
  EXPECT_EQ(state.limit, 100);
  EXPECT_EQ(state.remaining, 5);
  EXPECT_EQ(state.reset, seconds(7));
  state = read({{"RateLimit", "\"default\";r=0;t=30"}});
  EXPECT_EQ(state.remaining, 0);
  EXPECT_EQ(state.reset, seconds(30));
  EXPECT_EQ(read({{"RateLimit-Limit", "100, 100;w=60"}}).limit, 100);
  EXPECT_EQ(read({{"RateLimit-Limit", "lots"}, {"X-RateLimit-Reset", "-5"}}).reset, std::nullopt);
}

TEST(ContentRange, Parses) {
  const auto range = ParseContentRange("bytes 0-99/1234");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->last, 99);
  EXPECT_EQ(range->total, 1234);
  EXPECT_EQ(ParseContentRange("bytes 5-9/*")->total, std::nullopt);
  for (const char* bad : {"", "bytes", "bytes 9-5/10", "bytes 0-99/50", "items 0-1/2", "bytes -1-2/3", "bytes 0/1-2"}) {
    EXPECT_FALSE(ParseContentRange(bad)) << bad;
  }
}

TEST(Url, ParsesAndRefuses) {
  const auto url = ParseUrl("HTTPS://User:Pw@API.Example:8443/a?b#c").ValueOrDie();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "api.example");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.path_and_query, "/a?b");
  EXPECT_EQ(ParseUrl("http://[::1]:80").ValueOrDie().host, "[::1]");
  EXPECT_EQ(ParseUrl("http://a").ValueOrDie().path_and_query, "/");
  for (const char* bad : {"", "a", "ftp://a", "http://", "http://:80", "http://a:b", "http://a:0", "http://a:70000",
                          "http://a/ b", "http://[::1", "http://a/\n"}) {
    EXPECT_EQ(FaultOf(ParseUrl(bad).status()), Fault::kConfig) << bad;
  }
}

// RFC 3986 §5.4.1 and §5.4.2.
TEST(Url, ResolvesAsTheStandardsExamples) {
  const std::pair<const char*, const char*> table[] = {{"g", "http://a/b/c/g"},
                                                       {"./g", "http://a/b/c/g"},
                                                       {"g/", "http://a/b/c/g/"},
                                                       {"/g", "http://a/g"},
                                                       {"//g", "http://g"},
                                                       {"?y", "http://a/b/c/d;p?y"},
                                                       {"g?y", "http://a/b/c/g?y"},
                                                       {"#s", "http://a/b/c/d;p?q#s"},
                                                       {"g#s", "http://a/b/c/g#s"},
                                                       {";x", "http://a/b/c/;x"},
                                                       {"", "http://a/b/c/d;p?q"},
                                                       {".", "http://a/b/c/"},
                                                       {"./", "http://a/b/c/"},
                                                       {"..", "http://a/b/"},
                                                       {"../", "http://a/b/"},
                                                       {"../g", "http://a/b/g"},
                                                       {"../..", "http://a/"},
                                                       {"../../g", "http://a/g"},
                                                       {"../../../g", "http://a/g"},
                                                       {"/./g", "http://a/g"},
                                                       {"/../g", "http://a/g"},
                                                       {"g.", "http://a/b/c/g."},
                                                       {"./../g", "http://a/b/g"},
                                                       {"g;x=1/./y", "http://a/b/c/g;x=1/y"},
                                                       {"g?y/./x", "http://a/b/c/g?y/./x"},
                                                       {"https://b/x", "https://b/x"}};
  for (const auto& [reference, expected] : table) {
    EXPECT_EQ(ResolveUrl("http://a/b/c/d;p?q", reference).ValueOrDie(), expected) << reference;
  }
  EXPECT_FALSE(ResolveUrl("http://a/", "javascript:alert(1)").ok());
}

TEST(Url, EditsQueries) {
  EXPECT_EQ(WithQuery("http://a/b", "k", "v w"), "http://a/b?k=v%20w");
  EXPECT_EQ(WithQuery("http://a/b?x=1#f", "k", "v"), "http://a/b?x=1&k=v#f");
  EXPECT_EQ(WithQueryReplaced("http://a/?p=1&x=%2F&p=2", "p", "3"), "http://a/?p=3&x=%2F");
  EXPECT_EQ(WithQueryReplaced("http://a/", "p", "3"), "http://a/?p=3");
  EXPECT_EQ(UrlEncode("a/b c~é"), "a%2Fb%20c~%C3%A9");
}

TEST(Url, Redacts) {
  EXPECT_EQ(RedactUrl("https://u:p@a/b?api_key=1&page_token=2&access_token=3&q=x"),
            "https://a/b?api_key=***&page_token=2&access_token=***&q=x");
}

}  // namespace
}  // namespace firn::io
