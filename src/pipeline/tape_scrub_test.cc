#include "pipeline/tape_scrub.h"

#include <gtest/gtest.h>

#include "base/redactor.h"

namespace firn::pipeline {
namespace {

using io::Exchange;

const std::string kKey(32, 'k');

Exchange Get(const std::string& url, const std::string& body, int status = 200) {
  return {.method = "GET", .url = url, .status = status, .body = body};
}

std::vector<Exchange> Scrubbed(std::vector<Exchange> exchanges, std::vector<std::string> personal = {}) {
  auto out = ScrubExchanges(std::move(exchanges), {.personal = std::move(personal), .plain = {}, .key = kKey});
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ValueOr(std::vector<Exchange>());
}

TEST(TapeScrub, SubstitutesHaveTheShapeOfTheValue) {
  for (const char* value : {"Anna Kowalska", "+48 601 234 567", "007-1234", "9f1c-AB", "Ünal"}) {
    const std::string other = SubstituteOf(value, kKey);
    EXPECT_NE(other, value);
    EXPECT_EQ(other, SubstituteOf(value, kKey));
    EXPECT_NE(other, SubstituteOf(value, std::string(32, 'l')));
  }
  EXPECT_EQ(SubstituteOf("+00 a-b", kKey).substr(0, 4), "+00 ");
  EXPECT_EQ(SubstituteOf("anna@shop.example", kKey).find('@'), 4U);
}

TEST(TapeScrub, SubstitutesOfDatesTimesAndAddressesCanBeRead) {
  for (int i = 0; i < 200; ++i) {
    const std::string key = std::to_string(i);
    EXPECT_TRUE(ParseTimestamp(SubstituteOf("1987-03-12", key) + "T00:00:00Z").ok());
    EXPECT_TRUE(ParseTimestamp(SubstituteOf("1987-03-12T23:59:59.25Z", key)).ok());
    const std::string german = SubstituteOf("31.12.1987", key);
    EXPECT_LE(std::stoi(german.substr(0, 2)), 12);
    EXPECT_TRUE(SubstituteOf("192.168.7.1", key).starts_with("10."));
  }
}

TEST(TapeScrub, PersonalPathsAreFoundWhereverTheyBegin) {
  const auto out = Scrubbed(
      {Get("http://a/1", R"({"data":[{"who":{"nick":"zorro-1","tags":["abc",{"x":1.50}]},"nick":"kept"}]})")}, {"who"});
  const std::string& body = out.at(0).body;
  EXPECT_EQ(body.find("zorro"), std::string::npos) << body;
  EXPECT_EQ(body.find("\"abc\""), std::string::npos) << body;
  EXPECT_EQ(body.find("1.50"), std::string::npos) << body;
  EXPECT_NE(body.find("\"nick\":\"kept\""), std::string::npos) << body;
}

TEST(TapeScrub, EqualValuesStayEqualAlsoInUrlsAndBodies) {
  const auto out = Scrubbed({Get("http://a/people", R"([{"login":"quetzal-77"},{"login":"osprey-12"}])"),
                             Get("http://a/people/quetzal-77/posts?by=quetzal-77", R"([{"text":"by quetzal-77."}])")},
                            {"login"});
  const std::string substitute = SubstituteOf("quetzal-77", kKey);
  EXPECT_EQ(out.at(0).body.find("quetzal"), std::string::npos);
  EXPECT_EQ(out.at(1).url, "http://a/people/" + substitute + "/posts?by=" + substitute);
  EXPECT_EQ(out.at(1).body, "[{\"text\":\"by " + substitute + ".\"}]");
}

TEST(TapeScrub, NumbersThatArePersonalStayKeys) {
  const auto out =
      Scrubbed({Get("http://a/people", R"([{"ssn":4471123}])"),
                Get("http://a/people/4471123?name=x", R"([{"of":4471123,"text":"4471123","n":44711234}])")},
               {"ssn"});
  const std::string substitute = SubstituteOf("4471123", kKey);
  EXPECT_EQ(out.at(0).body, "[{\"ssn\":" + substitute + "}]");
  EXPECT_EQ(out.at(1).url, "http://a/people/" + substitute + "?name=x");
  EXPECT_EQ(out.at(1).body, "[{\"of\":" + substitute + ",\"text\":\"" + substitute + "\",\"n\":44711234}]");
}

TEST(TapeScrub, ValuesAreFoundAsFormsAndUrlsWriteThem) {
  const auto out = Scrubbed({Get("http://a/people", R"([{"who":"Anna Kowalska"}])"),
                             Get("http://a/posts?by=Anna+Kowalska&of=Anna%20Kowalska", "[]")},
                            {"who"});
  EXPECT_EQ(out.at(1).url.find("Kowalska"), std::string::npos) << out.at(1).url;
}

TEST(TapeScrub, AddressesAreFoundWithoutADeclaration) {
  const auto out =
      Scrubbed({Get("http://a/1", R"([{"note":"write to anna@shop.example, please","anna@shop.example":1}])"),
                Get("http://a/2", "id,mail\n1,bert@shop.example\n")});
  EXPECT_EQ(out.at(0).body.find("anna@"), std::string::npos) << out.at(0).body;
  EXPECT_EQ(out.at(1).body.find("bert@"), std::string::npos) << out.at(1).body;
}

TEST(TapeScrub, ANameBesidePersonalDataIsAPersons) {
  const auto out = Scrubbed(
      {Get("http://a/1", R"({"people":[{"name":"Anna","email":"anna@shop.example"}],"things":[{"name":"Cup"}]})")});
  EXPECT_EQ(out.at(0).body.find("Anna"), std::string::npos) << out.at(0).body;
  EXPECT_NE(out.at(0).body.find("Cup"), std::string::npos) << out.at(0).body;
}

TEST(TapeScrub, PersonalDataIsFoundAtEveryDepth) {
  const std::string person =
      R"({"phone":"0171 5550100","first_name":"Wolfgang","iban":"DE89370400440532013000","ip":"203.0.113.7"})";
  std::string body = R"([{"l":[)" + person + "]}]";
  for (int depth = 0; depth < 12; ++depth) {
    const std::string out = Scrubbed({Get("http://a/1", body)}).at(0).body;
    for (const char* value : {"0171 5550100", "Wolfgang", "DE89370400440532013000", "203.0.113.7"}) {
      EXPECT_EQ(out.find(value), std::string::npos) << depth << out;
    }
    body = R"({"in":)" + body + "}";
  }
}

TEST(TapeScrub, PersonalDataIsFoundInTheLastOfManyRows) {
  std::string body = "[";
  for (int i = 0; i < 2'500; ++i) body += "{\"k" + std::to_string(i) + "\":1},";
  const std::string out =
      Scrubbed({Get("http://a/1", body + R"({"contact":{"home":{"tel":"0171-5550100"}}}])")}).at(0).body;
  EXPECT_EQ(out.find("5550100"), std::string::npos);
}

TEST(TapeScrub, TokensInUrlsThatAreHandedOutGetTheSameSubstituteEverywhere) {
  const std::string next = "http://a/tok?page=2&access_token=LEAKTOK&api_key=LEAKKEY&sig=LEAKSIG";
  Exchange first = Get("http://a/tok", R"({"next":")" + next + R"(","page_token":"plainpage"})");
  first.headers = {{"Link", "<http://a/tok?page=3&X-Amz-Signature=LEAKAMZ&page_token=plainpage>; rel=\"next\""}};
  const auto out = Scrubbed({first, Get(next, "[]"), Get("http://a/tok?page=3&X-Amz-Signature=LEAKAMZ", "[]")});
  for (const Exchange& exchange : out) {
    EXPECT_EQ((exchange.url + exchange.body).find("LEAK"), std::string::npos) << exchange.url << exchange.body;
  }
  EXPECT_NE(out.at(0).body.find("\"" + out.at(1).url + "\""), std::string::npos) << out.at(0).body;
  EXPECT_EQ(out.at(0).headers.Get("link").value_or("").find("LEAK"), std::string::npos);
  EXPECT_NE(out.at(0).headers.Get("link").value_or("").find("page_token=plainpage"), std::string::npos);
}

TEST(TapeScrub, CardNumbersAreFoundAsTextAndAsNumber) {
  const std::string out = Scrubbed({Get("http://a/1", R"([{"x":"4111111111111111","y":5500005555555559,)"
                                                      R"("at":1700000000000,"id":"4111111111111112"}])")})
                              .at(0)
                              .body;
  EXPECT_EQ(out.find("4111111111111111"), std::string::npos) << out;
  EXPECT_EQ(out.find("5500005555555559"), std::string::npos) << out;
  EXPECT_NE(out.find("1700000000000"), std::string::npos) << out;
  EXPECT_NE(out.find("4111111111111112"), std::string::npos) << out;
}

TEST(TapeScrub, PersonalDataIsFoundInTextAndInJsonInText) {
  const std::string out =
      Scrubbed({Get("http://a/1", R"([{"note":"call +49 171 5550123 or (030) 5550124, from 203.0.113.9.",)"
                                  R"("pay":"IBAN DE89 3704 0044 0532 0130 00; card 4111111111111111, 0171 5550125",)"
                                  R"("raw":"{\"tel\": \"5550126000\", \"n\": [1]}","log":"{\"n\": [1]}",)"
                                  R"("at":"2023-11-15 10:20:30","url":"http://192.0.2.1:80/x"}])")})
          .at(0)
          .body;
  for (const char* value : {"5550123", "5550124", "203.0.113.9", "0532", "41111111", "5550125", "5550126"}) {
    EXPECT_EQ(out.find(value), std::string::npos) << value << out;
  }
  for (const char* value : {R"("log":"{\"n\": [1]}")", "2023-11-15 10:20:30", "http://192.0.2.1:80/x"}) {
    EXPECT_NE(out.find(value), std::string::npos) << value << out;
  }
}

TEST(TapeScrub, WhatTheConfigurationWritesStays) {
  Exchange post =
      Get("http://127.0.0.1:1/users/anna@shop.example", R"([{"email":"anna@shop.example","ip":"127.0.0.1"}])");
  post.request_body = R"({"email":"anna@shop.example"})";
  const auto out =
      ScrubExchanges(
          {post, Get("http://127.0.0.1:1/b", R"([{"email":"bert@shop.example"}])")},
          {.personal = {}, .plain = {}, .configured = {"http://127.0.0.1:1", "/users/anna@shop.example"}, .key = kKey})
          .ValueOrDie();
  EXPECT_EQ(out.at(0).url, post.url);
  EXPECT_EQ(out.at(0).request_body, post.request_body);
  EXPECT_EQ(out.at(1).url, "http://127.0.0.1:1/b");
  EXPECT_EQ(out.at(1).body.find("bert"), std::string::npos);
}

TEST(TapeScrub, SecretsAreStarsAndTokensToo) {
  ProcessRedactor().AddSecret("canary 4711 of scrub");
  ProcessRedactor().AddSecret("47114711");
  Exchange exchange =
      Get("http://a/?key=canary%204711%20of%20scrub",
          R"({"access_token":"abc","id":"x","echo":"canary 4711 of scrub","n":147114711,"next_token":"p2"})");
  exchange.headers = {
      {"Set-Cookie", "a=b"}, {"Date", "today"}, {"Link", "<http://a/2>; rel=\"next\""}, {"X-Next-Page", "2"}};
  const auto out = Scrubbed({exchange});
  EXPECT_EQ(out.at(0).url, "http://a/?key=***");
  EXPECT_TRUE(out.at(0).body.starts_with(R"({"access_token":"***","id":"x","echo":"***","n":)")) << out.at(0).body;
  EXPECT_EQ(out.at(0).body.find("47114711"), std::string::npos);
  EXPECT_TRUE(out.at(0).body.ends_with(R"("next_token":"p2"})")) << out.at(0).body;
  EXPECT_EQ(out.at(0).headers.size(), 2U);
  EXPECT_TRUE(out.at(0).headers.Has("link") && out.at(0).headers.Has("x-next-page"));
}

TEST(TapeScrub, RefusesWhatItCannotReadWhereSomethingIsPersonal) {
  for (const std::string& body : {std::string("id,login\n1,anna\n"), std::string("\x1f\x8b\x08\0x", 5)}) {
    const auto out = ScrubExchanges({Get("http://a/1", body)}, {.personal = {"login"}, .plain = {}, .key = kKey});
    ASSERT_FALSE(out.ok());
    EXPECT_EQ(ContextOf(out.status())->code, "E0742");
    EXPECT_EQ(out.status().message().find("anna"), std::string::npos);
  }
  EXPECT_EQ(Scrubbed({Get("http://a/1", "<html>", 404)}, {"login"}).at(0).body, "");
}

TEST(TapeScrub, LeavesOutAnswersThatOnlyMeantAgain) {
  const auto out = Scrubbed({Get("http://a/1", "", 503), Get("http://a/1", "[1]"), Get("http://a/2", "", 429),
                             Get("http://a/3", "", 401), Get("http://a/3", "[3]")});
  ASSERT_EQ(out.size(), 4U);
  EXPECT_EQ(out[0].body, "[1]");
  EXPECT_EQ(out[1].status, 429);
  EXPECT_EQ(out[2].status, 401);
}

TEST(TapeScrub, NumbersKeepTheirSizeAndForm) {
  for (int i = 0; i < 100; ++i) {
    const std::string key = std::to_string(i);
    const auto out = ScrubExchanges({Get("http://a/1", R"({"n":9223372036854775807,"f":-0.25e3,"z":0})")},
                                    {.personal = {"n", "f", "z"}, .plain = {}, .key = key})
                         .ValueOrDie();
    const std::string& body = out.at(0).body;
    EXPECT_EQ(std::stoll(body.substr(5)) > 0, true) << body;
    EXPECT_NE(body.find("\"f\":-0."), std::string::npos) << body;
    EXPECT_NE(body.find("e3,\"z\":0}"), std::string::npos) << body;
  }
}

}  // namespace
}  // namespace firn::pipeline
