#include "io/aws_signature.h"

#include <gtest/gtest.h>

namespace firn::io {
namespace {

const AwsKeys kKeys = {.access_key_id = "AKIDEXAMPLE",
                       .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                       .session_token = ""};

// The worked example of AWS General Reference, "Signature Version 4 signing process".
TEST(SigV4, SignsTheDocumentedExample) {
  HttpRequest request{.method = "GET",
                      .url = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
                      .headers = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}}};
  const Timestamp now = *ParseTimestamp("2015-08-30T12:36:00Z");
  ASSERT_TRUE(SignRequest(request, kKeys, {.region = "us-east-1", .service = "iam"}, now).ok());
  EXPECT_EQ(request.headers.Get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, "
            "SignedHeaders=content-type;host;x-amz-date, "
            "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
}

TEST(SigV4, PathsAreEncodedTwiceAndParametersSorted) {
  HttpRequest request{.method = "GET",
                      .url = "https://glue.eu-west-1.amazonaws.com/iceberg/v1/namespaces/a%1Fb/tables?b=2&a=1",
                      .headers = {{"Accept", "x"}, {"X-Amz-Date", "t"}}};
  std::string names;
  const std::string canonical =
      CanonicalRequest(request, "glue.eu-west-1.amazonaws.com", {.region = "eu-west-1", .service = "glue"}, &names);
  EXPECT_EQ(names, "host;x-amz-date");
  EXPECT_EQ(canonical,
            "GET\n/iceberg/v1/namespaces/a%251Fb/tables\na=1&b=2\nhost:glue.eu-west-1.amazonaws.com\nx-amz-date:t\n\n"
            "host;x-amz-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(SigV4, SessionTokensAreSigned) {
  HttpRequest request{.method = "POST", .url = "https://a.example/v1/x", .body = "{}"};
  AwsKeys keys = kKeys;
  keys.session_token = "session";
  ASSERT_TRUE(SignRequest(request, keys, {.region = "r", .service = "s"}, {}).ok());
  EXPECT_EQ(request.headers.Get("x-amz-security-token"), "session");
  EXPECT_NE(request.headers.Get("Authorization")->find("host;x-amz-date;x-amz-security-token"), std::string::npos);
}

// The worked example of the S3 API reference, "Authenticating Requests: Using the Authorization Header", GET bucket
// lifecycle.
TEST(SigV4, SignsTheDocumentedExampleOfS3) {
  HttpRequest request{.method = "GET", .url = "https://examplebucket.s3.amazonaws.com/?lifecycle"};
  const AwsKeys keys = {.access_key_id = "AKIAIOSFODNN7EXAMPLE",
                        .secret_access_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                        .session_token = ""};
  const Timestamp now = *ParseTimestamp("2013-05-24T00:00:00Z");
  ASSERT_TRUE(SignRequest(request, keys, {.region = "us-east-1", .service = "s3"}, now).ok());
  EXPECT_EQ(request.headers.Get("Authorization"),
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
            "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
            "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
}

TEST(SigV4, PathsOfS3AreEncodedOnce) {
  const HttpRequest request{.method = "PUT", .url = "http://h:9000/b/a%20c", .headers = {{"If-None-Match", "*"}}};
  std::string names;
  const auto canonical = CanonicalRequest(request, "h:9000", {.region = "r", .service = "s3"}, &names);
  EXPECT_TRUE(canonical.starts_with("PUT\n/b/a%20c\n")) << canonical;
  EXPECT_EQ(names, "host;if-none-match");
}

}  // namespace
}  // namespace firn::io
