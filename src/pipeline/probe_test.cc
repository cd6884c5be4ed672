#include "pipeline/probe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "config/diagnostic.h"
#include "config/project.h"
#include "connector/native/lower.h"
#include "source/rest/fake_http.h"

// Shapes of answers as well-known kinds of APIs give them; the values are invented.
namespace firn::pipeline {
namespace {

using source::rest::FakeAnswer;
using source::rest::FakeHttp;
using source::rest::FakeRequest;
using testing::HasSubstr;
using testing::Not;

std::string Issue(int64_t i) {
  const std::string n = std::to_string(i);
  char time[32];
  std::snprintf(time, sizeof time, "2024-01-%02dT10:00:00Z", static_cast<int>(i % 28) + 1);
  return "{\"id\":" + n + ",\"node_id\":\"I_" + n + "\",\"number\":" + std::to_string(1000 - i) +
         ",\"title\":\"t\",\"user\":{\"login\":\"u" + n + "\",\"email\":\"u" + n +
         "@mail.example\"},\"last_ip\":\"10.0.0." + n + "\",\"created_at\":\"2023-01-01T00:00:00Z\",\"updated_at\":\"" +
         time + "\"}";
}

std::string List(const std::vector<std::string>& rows) {
  std::string text = "[";
  for (const auto& row : rows) text += (text.size() > 1 ? "," : "") + row;
  return text + "]";
}

// 60 issues, newest last; ?since= filters by updated_at if `filters`; pages by a Link header.
FakeHttp::Handler IssueApi(bool filters) {
  return [filters](const FakeRequest& request) -> FakeAnswer {
    const int64_t size = request.Int("per_page", 30), page = request.Int("page", 1);
    std::vector<std::string> found;
    for (int64_t i = 1; i <= 60; ++i) {
      const std::string row = Issue(i);
      const std::string updated = row.substr(row.find("updated_at") + 13, 20);
      if (!filters || !request.Has("since") || updated >= request.query.at("since")) found.push_back(row);
    }
    std::vector<std::string> rows;
    for (int64_t i = (page - 1) * size; i < page * size && i < static_cast<int64_t>(found.size()); ++i)
      rows.push_back(found[i]);
    FakeAnswer answer{.body = List(rows)};
    if (page * size < static_cast<int64_t>(found.size())) {
      answer.headers.Add("Link",
                         "<https://api.github.example/issues?page=" + std::to_string(page + 1) + ">; rel=\"next\"");
    }
    answer.headers.Add("X-RateLimit-Limit", "60");
    return answer;
  };
}

Result<ProbeReport> Probe(FakeHttp& http, const std::string& url) {
  ProbeRequest request;
  ARROW_ASSIGN_OR_RAISE(request.url, SplitUrl(url));
  const FakeClock clock;
  return ProbeApi(request, http, clock, {});
}

// The YAML must be a project that loads and lowers.
config::Project Load(const ProbeProject& project) {
  config::LoadOptions options;
  options.config = "-";
  options.stdin_text = project.yaml;
  options.working_folder = "/";
  for (const auto& [name, value] : project.variables) options.env[name] = value.empty() ? "token-of-a-test" : value;
  config::Diagnostics diagnostics;
  auto loaded = config::LoadProject(options, &diagnostics);
  EXPECT_TRUE(loaded.ok()) << config::Render(diagnostics) << project.yaml;
  if (!loaded.ok()) return {};
  const auto plan = connector::LowerNative(*loaded, loaded->pipelines.front(), &diagnostics);
  EXPECT_TRUE(plan.ok()) << config::Render(diagnostics) << project.yaml;
  return std::move(*loaded);
}

TEST(Probe, FindsAllOfAnApiWithLinksAndFilter) {
  FakeHttp http(IssueApi(true));
  const auto report = Probe(http, "https://api.github.example/issues");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->paging.type, connector::PaginatePlan::Type::kLinkHeader);
  EXPECT_EQ(report->paging_sureness, Sureness::kSure);
  EXPECT_EQ(report->size_param, "per_page");
  EXPECT_EQ(report->page_size, 60);
  ASSERT_TRUE(report->sample.key.has_value());
  EXPECT_EQ(report->sample.key->path, "id");
  EXPECT_EQ(report->sample.key->sureness, Sureness::kSure);
  EXPECT_EQ(report->since_param, "since");
  EXPECT_EQ(report->cursor_sureness, Sureness::kSure);
  EXPECT_EQ(report->limit.limit, 60);
  EXPECT_LE(report->num_requests, 14);

  const ProbeProject project = ProjectOf(*report);
  const config::Project loaded = Load(project);
  ASSERT_EQ(loaded.pipelines.size(), 1U);
  EXPECT_EQ(loaded.pipelines[0].name, "github");
  const auto& table = loaded.pipelines[0].tables.at(0);
  EXPECT_EQ(table.name, "issues");
  EXPECT_EQ(table.primary_key, (std::vector<std::string>{"id"}));
  ASSERT_TRUE(table.incremental.has_value());
  EXPECT_EQ(table.incremental->param, "since");
  ASSERT_NE(table.FindColumn("user.email"), nullptr);
  EXPECT_EQ(table.FindColumn("user.email")->pii, "email");
  EXPECT_EQ(table.FindColumn("last_ip")->pii, "ip");
}

TEST(Probe, LeavesACursorThatDoesNotFilterAsAComment) {
  FakeHttp http(IssueApi(false));
  const auto report = Probe(http, "https://api.github.example/issues");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->since_param, "");
  const ProbeProject project = ProjectOf(*report);
  EXPECT_FALSE(Load(project).pipelines.at(0).tables.at(0).incremental.has_value());
  EXPECT_THAT(project.yaml, HasSubstr("# incremental: {cursor: updated_at"));
}

TEST(Probe, TriesPageNumbersWhereTheAnswerIsSilent) {
  FakeHttp http([](const FakeRequest& request) -> FakeAnswer {
    std::vector<std::string> rows;
    const int64_t page = request.Int("page", 1);
    for (int64_t i = (page - 1) * 10; i < page * 10 && i < 25; ++i)
      rows.push_back("{\"code\":\"c" + std::to_string(i) + "\"}");
    return {.body = "{\"results\":" + List(rows) + "}"};
  });
  const auto report = Probe(http, "http://plain.example/v2/codes/");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->records, "results");
  EXPECT_EQ(report->paging.type, connector::PaginatePlan::Type::kPage);
  EXPECT_EQ(report->paging_sureness, Sureness::kSure);
  EXPECT_EQ(report->sample.key->path, "code");
  EXPECT_EQ(report->sample.key->sureness, Sureness::kLikely);
  const ProbeProject project = ProjectOf(*report);
  EXPECT_THAT(project.yaml, HasSubstr("# primary_key: code"));
  EXPECT_TRUE(Load(project).pipelines.at(0).tables.at(0).primary_key.empty());
}

TEST(Probe, ChecksATokenByAskingForTheSecondPage) {
  FakeHttp http([](const FakeRequest& request) -> FakeAnswer {
    const int64_t at = request.Int("cursor", 0);
    std::vector<std::string> rows;
    for (int64_t i = at; i < at + 5; ++i) rows.push_back("{\"uuid\":\"x" + std::to_string(i) + "\"}");
    return {.body = "{\"data\":" + List(rows) + ",\"meta\":{\"next_cursor\":\"" + std::to_string(at + 5) + "\"}}"};
  });
  const auto report = Probe(http, "https://api.shop.example/v1/orders");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->paging_sureness, Sureness::kSure);
  EXPECT_THAT(ProjectOf(*report).yaml, HasSubstr("paginate: {type: cursor, next: meta.next_cursor, param: cursor}"));
  Load(ProjectOf(*report));
}

TEST(Probe, KeepsSecretsOutOfTheProject) {
  FakeHttp http([](const FakeRequest&) -> FakeAnswer { return {.body = "[{\"id\":1},{\"id\":2}]"}; });
  const auto report = Probe(http, "https://bob:hunter22@api.shop.example/v1/orders?api_key=s3cr3t-value&x=1");
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  const ProbeProject project = ProjectOf(*report);
  EXPECT_THAT(project.yaml, Not(HasSubstr("hunter22")));
  EXPECT_THAT(project.yaml, Not(HasSubstr("s3cr3t-value")));
  EXPECT_EQ(project.variables.size(), 3U);
  Load(project);
  for (const auto& line : FindingLines(*report)) EXPECT_THAT(line, Not(HasSubstr("s3cr3t-value")));
}

TEST(Probe, GivesRefusalsAsAuthErrors) {
  FakeHttp http([](const FakeRequest&) -> FakeAnswer { return {.body = "{}", .status = 401}; });
  EXPECT_EQ(FaultOf(Probe(http, "https://api.shop.example/v1/orders").status()), Fault::kAuth);
}

TEST(GuessFromSample, NeedsRowsToBeSure) {
  const auto few = GuessFromSample({"{\"id\":1}", "{\"id\":2}"});
  EXPECT_EQ(few.key->sureness, Sureness::kLikely);
  EXPECT_FALSE(GuessFromSample({"{\"id\":1}", "{\"id\":1}"}).key.has_value());
  EXPECT_FALSE(GuessFromSample({"{\"id\":1}", "{\"id\":null}"}).key.has_value());
  EXPECT_FALSE(GuessFromSample({}).key.has_value());
}

TEST(GuessFromSample, TellsPersonalDataByValueAndName) {
  const auto guess = GuessFromSample(
      {R"({"a":{"contact":"ann@mail.example"},"phone":"+49 30 1234567","ip":"2001:db8::1","first_name":"A","n":7,)"
       R"("account":"DE89 3704 0044 0532 0130 00","version":"1.2.3","when":"2024-01-01"})"});
  std::vector<std::string> found;
  for (const auto& pii : guess.pii) found.push_back(pii.path + "=" + pii.kind + "/" + ToString(pii.sureness));
  EXPECT_THAT(found, testing::ElementsAre("a.contact=email/sure", "phone=phone/sure", "ip=ip/sure",
                                          "first_name=name/ask", "account=iban/sure"));
}

TEST(GuessFromSample, KnowsTimesOfSeveralForms) {
  const auto guess = GuessFromSample(
      {R"({"updatedAt":1700000000,"created":"2024-01-01"})", R"({"updatedAt":1700000500,"created":"2024-01-03"})"});
  ASSERT_EQ(guess.cursors.size(), 2U);
  EXPECT_EQ(guess.cursors[0].path, "updatedAt");
  EXPECT_EQ(guess.cursors[0].format, "epoch_s");
  EXPECT_EQ(guess.cursors[0].most, "1700000500");
  EXPECT_FALSE(guess.cursors[1].changes);
}

TEST(PipelineName, IsTheHostsOwnLabel) {
  EXPECT_EQ(PipelineNameOf("api.github.com"), "github");
  EXPECT_EQ(PipelineNameOf("api.shop.co.uk"), "shop");
  EXPECT_EQ(PipelineNameOf("localhost"), "localhost");
  EXPECT_EQ(PipelineNameOf("127.0.0.1"), "api");
}

}  // namespace
}  // namespace firn::pipeline
