#include "io/jws.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <memory>

#include "base/base64.h"

namespace firn::io {
namespace {

using ::testing::HasSubstr;

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

Key RsaKey() {
  return {EVP_RSA_gen(2048), &EVP_PKEY_free};
}
Key EcKey() {
  return {EVP_EC_gen("P-256"), &EVP_PKEY_free};
}

std::string Pem(const Key& key) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), &BIO_free);
  EXPECT_EQ(PEM_write_bio_PrivateKey(bio.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr), 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<size_t>(size)};
}

std::string FromBase64Url(std::string text) {
  for (char& c : text) c = c == '-' ? '+' : c == '_' ? '/' : c;
  const size_t padding = (4 - text.size() % 4) % 4;
  text.append(padding, '=');
  std::string out(text.size(), '\0');
  const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                   reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  out.resize(static_cast<size_t>(size) - padding);
  return out;
}

// What OpenSSL says of a signature in its own form.
bool Verifies(const Key& key, const std::string& text, const std::string& signature) {
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EXPECT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()), 1);
  return EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                          reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1;
}

std::string Der(const std::string& fixed) {
  const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> parts(ECDSA_SIG_new(), &ECDSA_SIG_free);
  const auto* bytes = reinterpret_cast<const unsigned char*>(fixed.data());
  ECDSA_SIG_set0(parts.get(), BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
  std::string out(static_cast<size_t>(i2d_ECDSA_SIG(parts.get(), nullptr)), '\0');
  auto* at = reinterpret_cast<unsigned char*>(out.data());
  i2d_ECDSA_SIG(parts.get(), &at);
  return out;
}

// RFC 7515, Appendix A.1.
TEST(Jws, SignsTheExampleOfTheRfc) {
  const std::string key =
      FromBase64Url("AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow");
  EXPECT_EQ(SignJws({.algorithm = "HS256", .key = key, .passphrase = {}}, "{\"typ\":\"JWT\",\r\n \"alg\":\"HS256\"}",
                    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}")
                .ValueOrDie(),
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9."
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ."
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

TEST(Jws, SignaturesOfKeysAreVerifiedByTheirPublicHalf) {
  for (const bool elliptic : {false, true}) {
    const Key key = elliptic ? EcKey() : RsaKey();
    const std::string token =
        SignJws({.algorithm = elliptic ? "ES256" : "RS256", .key = Pem(key), .passphrase = {}}, "{}", R"({"a":1})")
            .ValueOrDie();
    const size_t dot = token.rfind('.');
    const std::string text = token.substr(0, dot);
    std::string signature = FromBase64Url(token.substr(dot + 1));
    if (elliptic) {
      ASSERT_EQ(signature.size(), 64U);
      signature = Der(signature);
    }
    EXPECT_EQ(text, "e30." + Base64Url(R"({"a":1})"));
    EXPECT_TRUE(Verifies(key, text, signature)) << token;
    EXPECT_FALSE(Verifies(key, text + "x", signature)) << token;
  }
}

TEST(Jws, RefusesAKeyThatDoesNotFit) {
  const Key key = EcKey();
  const auto refused = [](const JwsKey& by) { return SignJws(by, "{}", "{}").status(); };
  EXPECT_THAT(refused({.algorithm = "RS256", .key = Pem(key), .passphrase = {}}).message(), HasSubstr("does not fit"));
  EXPECT_THAT(refused({.algorithm = "RS256", .key = "secret", .passphrase = {}}).message(),
              HasSubstr("no private key"));
  for (const char* algorithm : {"", "none", "HS25", "HS2567", "XS256"}) {
    EXPECT_EQ(FaultOf(refused({.algorithm = algorithm, .key = "k", .passphrase = {}})), Fault::kConfig) << algorithm;
  }
}

}  // namespace
}  // namespace firn::io
